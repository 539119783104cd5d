"""`Classifier`: a network that takes float32 pixels in [0, 1] and owns its normalisation."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from fpframe.base import Note, is_adapted, tensors_digest, with_form
from fpframe.errors import ModelError, UsageError, first_line
from fpframe.models.beginning import Beginning
from fpframe.models.frozen import Body, Reshaping
from fpframe.models.gathering import asked_at_once, gathered
from fpframe.models.modes import evaluation_mode
from fpframe.models.pixels import Pixels
from fpframe.models.preparation import Preparation
from fpframe.models.query import Query


class Classifier(nn.Module):
    """Wrap a network so that it maps pixels ``(N, C, H, W)`` in [0, 1] to logits ``(N, K)``.

    Args:
        module: the network itself.
        num_classes: number of classes K.
        image_shape: channels, height and width of its images.
        mean: per-channel mean that is subtracted from pixels, or ``None``.
        std: per-channel standard deviation that pixels are divided by, or ``None``.
        preparation: what else happens to pixels before the network takes them, such as resizing; mean and std may
            stand in it.
        address: what the network was built by, for the record.
        form: which form of the architecture was built: ``unchanged``, or what was adapted to the images, such as
            ``stem=small``. It is empty where the architecture has one form only, or nothing had to be adapted.
    """

    _mean: Tensor
    _std: Tensor

    def __init__(
        self,
        module: nn.Module,
        *,
        num_classes: int,
        image_shape: tuple[int, int, int],
        mean: Sequence[float] | None = None,
        std: Sequence[float] | None = None,
        preparation: Preparation | str | None = None,
        address: str = "",
        form: str = "",
    ) -> None:
        super().__init__()
        self.module = module
        self.num_classes = num_classes
        self.image_shape = image_shape
        self.address = address
        self.form = form
        #: Whether its weights came from elsewhere, so that nobody knows how images were prepared for them.
        self.foreign = False
        #: What the reader of a verdict should know of how its weights were found in a file; ``{whose}`` stands for
        #: whose file that is, which whoever opens it knows.
        self.liberties: tuple[Note, ...] = ()
        #: Names of the parts of `module` that training changes; empty for all of it.
        self.learns: tuple[str, ...] = ()
        #: What stays as it is for good, where that is known; it remembers what it made of images, so that these pass it
        #: once for all networks that share it.
        self.body: Body | None = None
        #: The same of a network all of whose weights may be trained: it serves where only a layer behind it learns.
        self.beginning: Beginning | None = None
        plain = Preparation.of(preparation)
        channels = plain.shape(image_shape)[0]
        mean, std = (plain.mean if mean is None else mean), (plain.std if std is None else std)
        self.register_buffer("_mean", _per_channel(mean, channels, 0.0, "mean"), persistent=False)
        self.register_buffer("_std", _per_channel(std, channels, 1.0, "std"), persistent=False)
        #: What happens to pixels before the network takes them.
        self.preparation = Preparation.of(plain, mean=mean, std=std)

    def forward(self, pixels: Tensor) -> Tensor:
        """Return logits ``(N, K)`` for pixels ``(N, C, H, W)``."""
        logits: Tensor = self.module(self.prepared(pixels))
        return logits

    def prepared(self, pixels: Tensor) -> Tensor:
        """Return images as the network inside takes them.

        The network gets memory of its own: many write into their input, such as one that begins with
        ``Normalize(inplace=True)``, and the pixels are read by others after it.
        """
        preparation = self.preparation
        shaped = preparation.shaped(pixels)
        if preparation.scale != 1:
            shaped = shaped * preparation.scale
        images = (shaped - self._mean) / self._std if preparation.normalises else shaped.clone()
        return preparation.laid_out(images)

    @property
    def mean(self) -> tuple[float, ...] | None:
        """Per-channel mean that is subtracted from pixels."""
        return self.preparation.mean

    @property
    def std(self) -> tuple[float, ...] | None:
        """Per-channel standard deviation that pixels are divided by."""
        return self.preparation.std

    def behind(self, preparation: Preparation, image_shape: tuple[int, int, int]) -> Classifier:
        """Return the same network, not a copy, for images of a shape that are prepared in another way."""
        made = Classifier(
            self.module,
            num_classes=self.num_classes,
            image_shape=image_shape,
            preparation=preparation,
            address=self.address,
            form=self.form,
        )
        made.foreign, made.liberties, made.learns = self.foreign, self.liberties, self.learns
        return made.train(self.training)

    def changing(self, *parts: str, body: Body | None = None) -> Classifier:
        """Return itself; training changes nothing but these parts of `module` from now on, or all of it without any.

        Args:
            parts: their names.
            body: what stays as it is before them, and remembers what it made of images.
        """
        self.learns, self.body, self.beginning = parts, body, None
        return self

    def thawed(self) -> Classifier:
        """Return itself; training may change all weights from now on, also where its owner froze the whole network.

        Single weights that are frozen among others stay so. For as long as nothing changes but a layer behind the body,
        what the body remembers of images still serves.
        """
        if not any(weight.requires_grad for weight in self.parameters()):
            self.requires_grad_(True)
        body = self.body
        self.changing()
        self.beginning = Beginning.of(self.module, body) if body is not None else None
        return self

    def behind_body(self, pixels: Tensor | Pixels, body: Body, *, batch_size: int = 512) -> tuple[Classifier, Tensor]:
        """Return the rest of the network as a classifier, and what it takes for pixels, as images.

        Features that are not images already, ``(N, C, H, W)``, become ``(N, D, 1, 1)``.
        """
        features = body.features(self, pixels, batch_size=batch_size)
        rest, learns = body.rest(self, features.shape[1:]), body.learns
        if features.ndim != 4:
            if not isinstance(rest, Reshaping):
                rest, learns = Reshaping(rest, features.shape[1:]), tuple(f"head.{name}" for name in learns)
            features = features.flatten(1)[..., None, None]
        shape = (features.shape[1], features.shape[2], features.shape[3])
        made = Classifier(rest, num_classes=self.num_classes, image_shape=shape, address=self.address)
        return made.changing(*learns), features

    @property
    def architecture(self) -> str:
        """The address with the form that was built: weights mean something else in every other form."""
        return with_form(self.address, self.form) if self.form else self.address

    @property
    def adapted(self) -> bool:
        """Whether the architecture was changed, for the sake of the images, from what its library builds."""
        return is_adapted(self.form)

    @property
    def adapted_form(self) -> str:
        """What was changed for the sake of the images; empty where nothing was."""
        return self.form if self.adapted else ""

    @property
    def device(self) -> torch.device:
        """The device of the weights."""
        weight = next(iter(self.parameters()), self._mean)
        return weight.device

    def logits(self, pixels: Tensor | Pixels, *, batch_size: int | None = None) -> Tensor:
        """Return logits ``(N, K)`` on the CPU, in evaluation mode and without gradients.

        Args:
            pixels: ``(N, C, H, W)`` in [0, 1].
            batch_size: images at once; ``None`` for as many as is good for images of their size.
        """
        batch_size = batch_size or asked_at_once(pixels.shape[1:])
        if self.body is not None:
            head, features = self.behind_body(pixels, self.body, batch_size=batch_size)
            return head.logits(features, batch_size=batch_size)
        with evaluation_mode(self), torch.no_grad():
            # copies: a network may hand out the same memory with every batch
            batches = pixels.split(self.at_once(batch_size))
            answers = (self(batch.to(self.device)).to("cpu", torch.float32, copy=True) for batch in batches)
            return gathered(len(pixels), answers)

    def at_once(self, most: int) -> int:
        """Return how many of some images pass at once: of large ones few are faster, and take less memory."""
        return min(most, asked_at_once(self.preparation.shape(self.image_shape)))

    def labels(self, pixels: Tensor | Pixels) -> Tensor:
        """Return the labels ``(N,)`` that images get, for which no more than a batch of logits is in memory."""
        if self.body is not None:
            return self.logits(pixels).argmax(1)
        batches = pixels.split(asked_at_once(pixels.shape[1:]))
        return gathered(len(pixels), (self.logits(batch).argmax(1) for batch in batches))

    def accuracy(self, pixels: Tensor | Pixels, labels: Tensor) -> float:
        """Return the share of images that get their label."""
        return float((self.labels(pixels) == labels).float().mean())

    def as_query(self, *, max_queries: int | None = None, batch_size: int = 256) -> Query:
        """Return black-box access to this classifier."""
        return Query(
            lambda pixels: self.logits(pixels, batch_size=len(pixels)),
            num_classes=self.num_classes,
            outputs="logits",
            batch_size=batch_size,
            max_queries=max_queries,
            address=self.address,
            digest=state_digest(self.module),
        )

    def checked(self) -> Classifier:
        """Return itself after trying two blank images.

        Raises:
            ModelError: the network fails on images of this shape or does not answer with K logits.
        """
        try:
            answer = self.logits(torch.zeros(2, *self.image_shape))
        except ModelError:  # one that is asked somewhere says what is wrong
            raise
        except Exception as error:
            raise ModelError(
                f"the model does not take images of shape {self.image_shape} (channels, height, width): "
                f"{first_line(error)} ({self.address or type(self.module).__name__}); check its input size and channels"
            ) from error
        if answer.shape != (2, self.num_classes):
            raise ModelError(
                f"the model answers in shape {tuple(answer.shape)} where (2, {self.num_classes}) is expected "
                f"({self.address or type(self.module).__name__}); the data has {self.num_classes} classes"
            )
        return self


def state_digest(module: nn.Module) -> str:
    """Return the SHA-256 of a network's weights and buffers, by name, type, shape and value."""
    return tensors_digest({name: value for name, value in module.state_dict().items() if isinstance(value, Tensor)})


def _per_channel(values: Sequence[float] | None, channels: int, default: float, name: str) -> Tensor:
    if values is None:
        return torch.full((1, channels, 1, 1), default)
    if len(values) not in (1, channels):
        raise UsageError(f"'{name}' needs 1 or {channels} values, one per channel (got {len(values)})")
    if not all(map(math.isfinite, values)):
        raise UsageError(f"'{name}' must be finite (got {', '.join(map(str, values))})")
    if name == "std" and min(values) <= 0:
        raise UsageError(f"'std' must be positive (got {min(values)})")
    tensor = torch.tensor(list(values), dtype=torch.float32).reshape(1, -1, 1, 1)
    return tensor.expand(1, channels, 1, 1).clone()
