"""`Arithmetic`: in which layout of memory and in which precision a network is trained."""

from __future__ import annotations

from collections.abc import Iterator

import attrs
import torch
from torch import nn

from fpframe.base import has_bfloat16
from fpframe.models.classifier import Classifier

AUTO = "auto"
CONTIGUOUS, CHANNELS_LAST = "contiguous", "channels-last"
FLOAT32, BFLOAT16 = "float32", "bfloat16"
#: Input channels from which a convolution gains by `CHANNELS_LAST` and `BFLOAT16` on a CPU.
WIDE = 8
#: Pixels in a step from which `BFLOAT16` gains more on a CPU than it costs to convert weights to and fro.
MANY = 20_000


@attrs.frozen(kw_only=True)
class Arithmetic:
    """In which layout and precision a network is trained; it answers in contiguous float32 all the same.

    `BFLOAT16` is bfloat16 where torch's autocast finds it safe, with weights, their updates and the loss in float32
    (Micikevicius et al., "Mixed Precision Training", ICLR 2018; bfloat16 needs no scaling of the loss).

    Attributes:
        memory_format: `CONTIGUOUS` or `CHANNELS_LAST`, of images and of the weights of convolutions; weights that a
            network brings in another layout stay in it where it is `CONTIGUOUS`.
        precision: `FLOAT32` or `BFLOAT16`.
    """

    memory_format: str = CONTIGUOUS
    precision: str = FLOAT32

    @classmethod
    def fast_for(cls, model: Classifier, device: torch.device, *, batch_size: int) -> Arithmetic:
        """Return what is fast for networks of this kind; the page on performance in the docs has the measurements.

        On a GPU all are faster in `BFLOAT16`, and then in `CHANNELS_LAST`. On a CPU both speed up convolutions, but
        grouped ones are twice as slow in `BFLOAT16`, steps with few or small images lose by it, and a network of few
        channels, or without convolutions, loses by either. No clock decides, so that the same recipe gives the same
        bytes on one machine profile.
        """
        half = has_bfloat16(device)
        if device.type != "cpu":
            return cls(memory_format=CHANNELS_LAST, precision=BFLOAT16) if half else cls()
        convolutions = [layer for layer in model.modules() if isinstance(layer, nn.Conv2d)]
        if not any(layer.in_channels >= WIDE for layer in convolutions):
            return cls()
        _, height, width = model.preparation.shape(model.image_shape)
        worth = batch_size * height * width >= MANY and not any(layer.groups > 1 for layer in convolutions)
        return cls(memory_format=CHANNELS_LAST, precision=BFLOAT16 if half and worth else FLOAT32)

    @property
    def channels_last(self) -> bool:
        """Whether the layout is `CHANNELS_LAST`."""
        return self.memory_format == CHANNELS_LAST

    @property
    def mixed(self) -> bool:
        """Whether the precision is mixed."""
        return self.precision == BFLOAT16

    def asked(self, memory_format: str, precision: str) -> Arithmetic:
        """Return this, changed to what somebody asks for; `AUTO` changes nothing."""
        return Arithmetic(
            memory_format=self.memory_format if memory_format == AUTO else memory_format,
            precision=self.precision if precision == AUTO else precision,
        )

    def plainer(self) -> Iterator[Arithmetic]:
        """Yield the ways that are left to a network that cannot compute in this one, the plainest last."""
        plain = Arithmetic()
        one_by_one = attrs.evolve(self, memory_format=CONTIGUOUS)
        yield from (way for way in dict.fromkeys((one_by_one, plain)) if way != self)
