"""Attack ``quantize``: round the weights of a stolen model to fewer bits."""

from __future__ import annotations

from typing import ClassVar, Literal

import attrs
import torch
from torch import Tensor, nn

import fpframe
from fpframe import AttackContext, Classifier, Images, Query
from fpframe.parameters import one_of
from fpframe_plugins.attacks._layers import weights_of

#: Largest int8 value on a grid that is symmetric around zero.
_LARGEST_INT8 = 127
_LARGEST_FP16 = torch.finfo(torch.float16).max


@attrs.frozen(kw_only=True)
class Quantize(fpframe.AttackSimulator):
    """Round weights to the values that a smaller format can hold.

    The rounded values are stored as float32 again ("fake quantisation of weights"), so that the student keeps the
    victim's architecture; activations are not quantised. ``int8`` rounds the weights of linear layers and convolutions
    to a symmetric grid for each output channel, as in Krishnamoorthi, "Quantizing deep convolutional networks"
    (arXiv:1806.08342, section 2), and leaves biases and normalisation alone. ``fp16`` rounds every weight and buffer.

    Attributes:
        format: ``int8`` or ``fp16``.
    """

    name: ClassVar[str] = "quantize"
    access: ClassVar[Literal["weights", "probs", "labels"]] = "weights"
    format: str = attrs.field(default="int8", validator=one_of("int8", "fp16"))

    @property
    def deterministic(self) -> bool:
        """Nothing is drawn by chance."""
        return True

    def image_passes(self, available: int, epochs: int) -> float:
        """Return zero: nothing is learned."""
        return 0

    def simulate(
        self, student: Classifier, teacher: Query | None, data: Images, *, context: AttackContext, seed: int
    ) -> Classifier:
        """Return the quantised student.

        Raises:
            ModelError: ``int8`` finds no weight to round.
        """
        with torch.no_grad():
            if self.format == "int8":
                for weight in weights_of(student.module).values():
                    weight.copy_(_to_int8(weight))
            else:
                for tensor in _floats(student.module):
                    tensor.copy_(tensor.clamp(-_LARGEST_FP16, _LARGEST_FP16).half())
        return student.eval()


def _to_int8(weight: Tensor) -> Tensor:
    largest = weight.flatten(1).abs().amax(1).reshape(-1, *[1] * (weight.ndim - 1))
    step = (largest / _LARGEST_INT8).clamp_min(torch.finfo(weight.dtype).tiny)
    return (weight / step).round().clamp(-_LARGEST_INT8, _LARGEST_INT8) * step


def _floats(module: nn.Module) -> list[Tensor]:
    return [tensor for tensor in (*module.parameters(), *module.buffers()) if tensor.is_floating_point()]


@fpframe.hookimpl
def fpframe_components() -> list[type[fpframe.Component]]:
    """Offer the attack."""
    return [Quantize]
