"""Where a model is trained and in which arithmetic: on a CPU as it is, on CUDA in mixed precision."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import attrs
import torch
from torch import Tensor, nn

from fpframe.base import computing_device


@attrs.frozen(kw_only=True)
class Placement:
    """A device, and whether it computes in mixed precision.

    Mixed precision is bfloat16 where torch's autocast finds it safe, with weights, their updates and the loss in
    float32 (Micikevicius et al., "Mixed Precision Training", ICLR 2018; bfloat16 needs no scaling of the loss). Images
    and convolutions are in the ``channels_last`` layout then, which is the fast one for it.

    Attributes:
        device: where weights and batches are.
        mixed: whether the precision is mixed.
    """

    device: torch.device
    mixed: bool

    @classmethod
    def beside(cls, home: torch.device) -> Placement:
        """Return where a model is trained whose weights are on `home`; one that is on a GPU already stays there.

        Raises:
            UsageError: ``FPFRAME_DEVICE`` cannot be used.
        """
        device = computing_device() if home.type == "cpu" else home
        return cls(device=device, mixed=device.type == "cuda" and _has_bfloat16(device))

    @contextmanager
    def hold(self, model: nn.Module) -> Iterator[None]:
        """Keep `model` on the device inside the block; after it each tensor is where it was, in its type and layout.

        Parameters and buffers stay the same objects, so that optimisers and hooks may hold them. Gradients are dropped.
        """
        tensors = [*model.parameters(), *model.buffers()]
        if not self.mixed and all(tensor.device == self.device for tensor in tensors):
            yield
            return
        homes = [tensor.data for tensor in tensors]
        model.zero_grad(set_to_none=True)
        try:
            for tensor in tensors:
                tensor.data = self.send(tensor.data)
            yield
        finally:
            model.zero_grad(set_to_none=True)  # or they would be on another device than their weights
            for tensor, home in zip(tensors, homes, strict=True):
                tensor.data = home.copy_(tensor.data)

    def send(self, tensor: Tensor) -> Tensor:
        """Return a tensor on the device; images and weights of convolutions in the layout for it."""
        if self.mixed and tensor.ndim == 4:
            return tensor.to(self.device, memory_format=torch.channels_last)
        return tensor.to(self.device)

    def at_hand(self, *data: Tensor) -> tuple[Tensor, ...]:
        """Return whole data on the device, or as it is where that has no room: then its batches are sent."""
        try:
            return tuple(tensor.to(self.device) for tensor in data)
        except torch.OutOfMemoryError:
            return data

    def forward(self, model: nn.Module, pixels: Tensor) -> Tensor:
        """Return the logits of a batch; what mixed precision has computed becomes float32 before the loss."""
        if not self.mixed:
            logits: Tensor = model(pixels)
            return logits
        with torch.autocast(self.device.type, dtype=torch.bfloat16):
            logits = model(pixels)
        return logits.float()


def _has_bfloat16(device: torch.device) -> bool:
    """Tell whether a GPU computes in bfloat16 itself; where it is emulated, float32 is faster."""
    with torch.cuda.device(device):
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
