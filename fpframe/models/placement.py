"""`Placement`: where a model is trained, and in which arithmetic."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import attrs
import torch
from torch import Tensor, nn

from fpframe.base import computing_device
from fpframe.models.arithmetic import AUTO, Arithmetic
from fpframe.models.classifier import Classifier
from fpframe.models.modes import copied
from fpframe.models.pixels import Pixels
from fpframe.rng import isolated


@attrs.frozen(kw_only=True)
class Placement:
    """A device and an arithmetic.

    Attributes:
        device: where weights and batches are.
        arithmetic: their layout and precision.
    """

    device: torch.device
    arithmetic: Arithmetic

    @classmethod
    def of(cls, model: Classifier, *, batch_size: int, memory_format: str = AUTO, precision: str = AUTO) -> Placement:
        """Return where and how a model is trained; one that is on a GPU already stays there.

        A network that cannot compute as it is asked to, such as one with ``.view`` where channels come last, gets the
        next plainer arithmetic in which it can.

        Raises:
            UsageError: ``FPFRAME_DEVICE`` cannot be used.
        """
        device = computing_device() if model.device.type == "cpu" else model.device
        wanted = Arithmetic.fast_for(model, device, batch_size=batch_size).asked(memory_format, precision)
        place = cls(device=device, arithmetic=wanted)
        for plainer in wanted.plainer():
            if place._suits(model):
                break
            place = cls(device=device, arithmetic=plainer)
        return place

    def _suits(self, model: Classifier) -> bool:
        """Tell whether a model can make a step of training here; a copy tries it on two blank images."""
        with isolated(0):
            twin = copied(model).train()
            try:
                with self.hold(twin):
                    blank = self.send(torch.zeros(2, *model.image_shape))
                    self.forward(twin, blank).sum().backward()
            except Exception:  # of torch, or the network's own; one that is broken says so again in the plainest way
                return False
        return True

    @contextmanager
    def hold(self, model: nn.Module) -> Iterator[None]:
        """Keep `model` on the device inside the block; after it each tensor is where it was, in its type and layout.

        Parameters and buffers stay the same objects, so that optimisers and hooks may hold them. Gradients are dropped.
        """
        tensors = [*model.parameters(), *model.buffers()]
        if not self.arithmetic.channels_last and all(tensor.device == self.device for tensor in tensors):
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
        if self.arithmetic.channels_last and tensor.ndim == 4:
            return tensor.to(self.device, memory_format=torch.channels_last)
        return tensor.to(self.device)

    def at_hand(self, pixels: Tensor | Pixels, targets: Tensor) -> tuple[Tensor | Pixels, Tensor]:
        """Return whole data on the device, or as it is where that has no room: then its batches are sent."""
        try:
            return pixels.to(self.device), targets.to(self.device)
        except torch.OutOfMemoryError:
            return pixels, targets

    def forward(self, model: nn.Module, pixels: Tensor) -> Tensor:
        """Return the logits of a batch; what mixed precision has computed becomes float32 before the loss."""
        if not self.arithmetic.mixed:
            logits: Tensor = model(pixels)
            return logits
        with torch.autocast(self.device.type, dtype=torch.bfloat16):
            logits = model(pixels)
        return logits.float()
