"""`Preparation`: what happens to an image before a network takes it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, Literal

import attrs
import torch
from torch import Tensor

from fpframe.errors import ParameterError, UsageError
from fpframe.models.preparation import configs, grammar
from fpframe.models.preparation.perchannel import finite, per_channel, positive
from fpframe.models.preparation.resize import Resize, check_edges

Channels = Literal["", "rgb", "bgr", "grey"]
Layout = Literal["", "nchw", "nhwc"]
RGB: Channels = "rgb"
BGR: Channels = "bgr"
GREY: Channels = "grey"
NCHW: Layout = "nchw"
NHWC: Layout = "nhwc"

#: How bright red, green and blue look, by ITU-R BT.601, as PIL makes images grey.
_LUMA = (0.299, 0.587, 0.114)
_COUNTS = {"rgb": 3, "bgr": 3, "grey": 1}


def _crop(value: Any) -> float | tuple[int, ...] | None:
    if value is None or isinstance(value, float):
        return value
    if isinstance(value, int):
        return float(value) if value == 1 else (value, value)
    edges = tuple(value)
    return edges * 2 if len(edges) == 1 else edges


def _possible_crop(owner: Any, field: attrs.Attribute[Any], value: float | tuple[int, ...] | None) -> None:
    if isinstance(value, tuple):
        check_edges("crop", value)
    elif value is not None and not 0 < value <= 1:
        raise ParameterError(f"'crop' must be a share of the image in (0, 1], or whole pixels (got {value:g})")


def _resize(value: Any) -> Resize | None:
    if value is None or isinstance(value, Resize):
        return value
    edges: tuple[int, ...] = (value,) if isinstance(value, int) else tuple(value)
    return Resize(edges)


def _scale(owner: Any, field: attrs.Attribute[Any], value: float) -> None:
    if not (math.isfinite(value) and value > 0):
        raise ParameterError(f"'scale' of 'Preparation' must be positive (got {value})")


def _one_of(*words: str) -> Any:
    def check(owner: Any, field: attrs.Attribute[Any], value: object) -> None:
        if value not in words:
            known = ", ".join(filter(None, words))
            raise ParameterError(f"'{field.name}' of 'Preparation' must be one of {known} (got '{value}')")

    return check


@attrs.frozen(kw_only=True)
class Preparation:
    """What happens to pixels ``(N, C, H, W)`` in [0, 1] before a network takes them, in the order of the attributes.

    The same is written as text, for ``--input`` and in every record: ``rgb; resize=224,bicubic,antialias; crop=0.875;
    mean=0.485,0.456,0.406; std=0.229,0.224,0.225``. The order of the parts of a text does not matter.

    Attributes:
        channels: what the network takes: ``rgb``, ``bgr`` or ``grey``; empty for images as they are. Grey images are
            repeated in each colour, and coloured ones become their luma by ITU-R BT.601.
        resize: the size that images are brought to; a number is the shorter edge.
        crop: what is cut out of the centre: height and width in pixels, or a share. After `resize`, a share says how
            much of the resized image is kept, so that what is left has the size that `resize` names: with
            ``resize=224; crop=0.875`` the shorter edge is brought to 256, and the centre of 224 x 224 is cut out.
        scale: what pixels are multiplied by, such as 255.
        mean: per-channel mean that is subtracted from them after that.
        std: per-channel standard deviation that they are divided by in the end.
        layout: ``nhwc`` where channels come last, and ``nchw`` where they come first; empty is ``nchw`` too, unless the
            model's file says otherwise.

    Raises:
        UsageError: this cannot be done to an image.
    """

    channels: Channels = attrs.field(default="", validator=_one_of("", *grammar.CHANNELS))
    resize: Resize | None = attrs.field(default=None, converter=_resize)
    crop: float | tuple[int, ...] | None = attrs.field(default=None, converter=_crop, validator=_possible_crop)
    scale: float = attrs.field(default=1.0, converter=float, validator=_scale)
    mean: tuple[float, ...] | None = attrs.field(default=None, converter=per_channel, validator=finite)
    std: tuple[float, ...] | None = attrs.field(default=None, converter=per_channel, validator=positive)
    layout: Layout = attrs.field(default="", validator=_one_of("", *grammar.LAYOUTS))

    @classmethod
    def read(cls, text: str) -> Preparation:
        """Return the preparation that a text says; an empty one says that images are taken as they are.

        Raises:
            UsageError: the text is not of the grammar, which the message tells.
        """
        said = grammar.parse(text)
        try:
            if "resize" in said:
                said["resize"] = Resize(*said["resize"])
            return cls(**said)
        except UsageError as error:
            raise grammar.refused(error, text) from error

    def __str__(self) -> str:
        """Return the text that `read` reads as this; empty where images are taken as they are."""
        said = {
            field.name: getattr(self, field.name)
            for field in attrs.fields(Preparation)
            if getattr(self, field.name) != field.default
        }
        if self.resize is not None:
            said["resize"] = attrs.astuple(self.resize)
        return grammar.write(said)

    @classmethod
    def of(
        cls,
        said: Preparation | str | None,
        *,
        mean: Iterable[float] | float | None = None,
        std: Iterable[float] | float | None = None,
    ) -> Preparation:
        """Return one that somebody gives as a value, as text or not at all, with a mean and std that are said apart.

        Raises:
            UsageError: the text cannot be read, or mean or std are said twice, and differ.
        """
        made = cls.read(said) if isinstance(said, str) else said or cls()
        apart = {"mean": per_channel(mean), "std": per_channel(std)}
        for name, values in apart.items():
            known = getattr(made, name)
            if values is not None and known is not None and values != known:
                raise UsageError(
                    f"'{name}' is said twice: {_numbers(values)}, and {_numbers(known)} in the preparation '{made}'; "
                    "say it once"
                )
        whole = {name: getattr(made, name) if values is None else values for name, values in apart.items()}
        return attrs.evolve(made, mean=whole["mean"], std=whole["std"])

    @classmethod
    def from_preprocessor_config(cls, config: Mapping[str, Any]) -> Preparation:
        """Return what a ``preprocessor_config.json`` of Hugging Face's image processors says.

        Raises:
            DataError: it is not one, or asks for something that cannot be done here.
        """
        return cls(**configs.of_image_processor(config))

    @classmethod
    def from_pretrained_cfg(cls, config: Mapping[str, Any]) -> Preparation:
        """Return what a ``pretrained_cfg`` of timm says: how its models are evaluated.

        Raises:
            DataError: it is not one, or asks for something that cannot be done here.
        """
        return cls(**configs.of_timm(config))

    @property
    def geometry(self) -> Preparation:
        """What it does to size, channels and layout, without any change of values."""
        return Preparation(channels=self.channels, resize=self.resize, crop=self.crop, layout=self.layout)

    @property
    def normalises(self) -> bool:
        """Whether it says by what pixels are scaled, subtracted or divided."""
        return (self.scale, self.mean, self.std) != (1.0, None, None)

    def shape(self, image_shape: tuple[int, int, int]) -> tuple[int, int, int]:
        """Return channels, height and width, in this order, of what images of a shape become.

        Raises:
            UsageError: such images cannot be prepared so.
        """
        _, _, cut = self._steps(image_shape)
        return (_COUNTS.get(self.channels, image_shape[0]), *cut)

    def __call__(self, pixels: Tensor) -> Tensor:
        """Return what a network takes for pixels ``(N, C, H, W)`` in [0, 1]: new memory, differentiable.

        Raises:
            UsageError: such images cannot be prepared so.
        """
        channels = self.shape((pixels.shape[1], pixels.shape[2], pixels.shape[3]))[0]
        shaped = self.shaped(pixels)
        if not self.normalises:
            return self.laid_out(shaped.clone())
        mean, std = (_column(values, channels, shaped) for values in (self.mean or (0.0,), self.std or (1.0,)))
        return self.laid_out((shaped * self.scale - mean) / std)

    def shaped(self, pixels: Tensor) -> Tensor:
        """Return pixels ``(N, C, H, W)`` in [0, 1] with the channels and the size that are wanted."""
        (_, height, width), resized, cut = self._steps((pixels.shape[1], pixels.shape[2], pixels.shape[3]))
        pixels = self._coloured(pixels)
        if self.resize is not None:
            pixels = self.resize(pixels, *resized)
            height, width = resized
        top, left = round((height - cut[0]) / 2), round((width - cut[1]) / 2)
        return pixels[:, :, top : top + cut[0], left : left + cut[1]]

    def laid_out(self, images: Tensor) -> Tensor:
        """Return images ``(N, C, H, W)`` in the order of axes that is wanted."""
        return images.permute(0, 2, 3, 1).contiguous() if self.layout == NHWC else images

    def _coloured(self, pixels: Tensor) -> Tensor:
        if self.channels == GREY:
            return luma(pixels) if pixels.shape[1] == 3 else pixels
        if self.channels and pixels.shape[1] == 1:
            return pixels.expand(-1, 3, -1, -1)
        return pixels.flip(1) if self.channels == BGR else pixels

    def _steps(
        self, image_shape: tuple[int, int, int]
    ) -> tuple[tuple[int, int, int], tuple[int, int], tuple[int, int]]:
        """Return the shape of an image, and height and width after resizing, and after cutting.

        Raises:
            UsageError: it has other channels than can be changed, or is smaller than what is to be cut out.
        """
        count, *size = image_shape
        if self.channels and count not in (1, 3):
            raise UsageError(f"images with {count} channels cannot become {self.channels}; leave '{self.channels}' out")
        height, width = size
        target: tuple[int, int] | None = None
        if isinstance(self.crop, tuple):
            target = (self.crop[0], self.crop[1])
        elif self.crop is not None and self.resize is None:
            target = (max(1, math.floor(height * self.crop)), max(1, math.floor(width * self.crop)))
        elif self.crop is not None and self.resize is not None:
            edges = self.resize.size
            target = (edges[0], edges[-1])
        resized = (height, width) if self.resize is None else self._resized().edges(height, width)
        cut = resized if target is None else target
        if cut[0] > resized[0] or cut[1] > resized[1]:
            raise UsageError(
                f"{cut[0]} x {cut[1]} pixels cannot be cut out of {resized[0]} x {resized[1]} (preparation '{self}'); "
                "resize to a larger size, or cut out less"
            )
        return image_shape, resized, cut

    def _resized(self) -> Resize:
        """Return how images are resized before a share of them is cut out."""
        assert self.resize is not None
        if not isinstance(self.crop, float):
            return self.resize
        edges: list[int] = [math.floor(edge / self.crop) for edge in self.resize.size]
        return attrs.evolve(self.resize, size=tuple(edges))


#: Images as they are.
PLAIN = Preparation()


def as_preparation(said: Preparation | str | None) -> Preparation:
    """Return a preparation that somebody gives as a value, as text or not at all; see `Preparation.of`."""
    return Preparation.of(said)


def luma(pixels: Tensor) -> Tensor:
    """Return grey pixels ``(N, 1, H, W)`` of coloured ones ``(N, 3, H, W)``, by ITU-R BT.601."""
    return (pixels * _column(_LUMA, 3, pixels)).sum(1, keepdim=True)


def _column(values: tuple[float, ...], channels: int, like: Tensor) -> Tensor:
    if len(values) not in (1, channels):
        raise UsageError(f"mean and std need 1 or {channels} values, one per channel (got {len(values)})")
    return torch.tensor(values, dtype=like.dtype, device=like.device).reshape(1, -1, 1, 1)


def _numbers(values: tuple[float, ...]) -> str:
    return ",".join(f"{value:g}" for value in values)
