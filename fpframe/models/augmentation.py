"""Augmentations of training images, and softer labels, as settings of a training."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

#: Share of each side that an image is shifted by at most, and that a hole takes.
_SHIFT, _HOLE = 1 / 8, 1 / 4
#: Standard deviation of noise, in pixel units.
_NOISE = 0.05


def _flip(pixels: Tensor) -> Tensor:
    """Mirror half of the images left to right."""
    mirrored = (torch.rand(len(pixels)) < 0.5).to(pixels.device)
    return torch.where(mirrored[:, None, None, None], pixels.flip(-1), pixels)


def _shift(pixels: Tensor) -> Tensor:
    """Move each image by up to an eighth of its sides; what comes in is black."""
    count, _, height, width = pixels.shape
    most = [max(1, int(side * _SHIFT)) for side in (height, width)]
    padded = F.pad(pixels, (most[1], most[1], most[0], most[0]))
    rows, columns = (
        (torch.randint(2 * far + 1, (count, 1)) + torch.arange(side)).to(pixels.device)
        for far, side in zip(most, (height, width), strict=True)
    )
    images = torch.arange(count, device=pixels.device)
    # indexed dimensions come first where they are apart, so channels end up last
    return padded[images[:, None, None], :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def _noise(pixels: Tensor) -> Tensor:
    """Add normal noise."""
    return (pixels + _NOISE * torch.randn(pixels.shape).to(pixels.device)).clamp(0, 1)


def _cutout(pixels: Tensor) -> Tensor:
    """Blacken a rectangle of a quarter of each side somewhere in each image (DeVries and Taylor, arXiv:1708.04552)."""
    inside = []
    for side in pixels.shape[2:]:
        hole = max(1, int(side * _HOLE))
        start = torch.randint(side - hole + 1, (len(pixels), 1))
        places = torch.arange(side)
        inside.append(((places >= start) & (places < start + hole)).to(pixels.device))
    holes = inside[0][:, None, :, None] & inside[1][:, None, None, :]
    return pixels.masked_fill(holes, 0.0)


#: What is done to images, by name. ``mixup`` (Zhang et al., ICLR 2018) changes their labels too.
_CHANGES: dict[str, Callable[[Tensor], Tensor]] = {
    "flip": _flip,
    "shift": _shift,
    "noise": _noise,
    "cutout": _cutout,
}
MIXUP = "mixup"
AUGMENTATIONS = (*_CHANGES, MIXUP)


def augmented(pixels: Tensor, targets: Tensor, names: Sequence[str], *, num_classes: int) -> tuple[Tensor, Tensor]:
    """Return a batch as it is learned.

    Chance comes from torch's global generator of the CPU, and nothing is drawn where there are no names.

    Args:
        pixels: images ``(B, C, H, W)`` in [0, 1].
        targets: labels ``(B,)``, or probabilities ``(B, K)``.
        names: of `AUGMENTATIONS`, applied in this order but for ``mixup``, which comes last.
        num_classes: number of classes K.

    Returns:
        Images, and labels as they came, or probabilities where images were mixed.
    """
    for name in names:
        if name != MIXUP:
            pixels = _CHANGES[name](pixels)
    if MIXUP in names:
        weight, order = 0.5 + 0.5 * float(torch.rand(())), torch.randperm(len(pixels)).to(pixels.device)
        targets = as_probabilities(targets, num_classes)
        pixels, targets = (weight * each + (1 - weight) * each[order] for each in (pixels, targets))
    return pixels, targets


def smoothed(targets: Tensor, amount: float, *, num_classes: int) -> Tensor:
    """Return targets mixed with the uniform distribution: as they came where the amount is 0."""
    if not amount:
        return targets
    return (1 - amount) * as_probabilities(targets, num_classes) + amount / num_classes


def as_probabilities(targets: Tensor, num_classes: int) -> Tensor:
    """Return labels ``(B,)`` as one-hot rows ``(B, K)``, and probabilities as they are."""
    return targets if targets.ndim == 2 else F.one_hot(targets, num_classes).to(torch.float32)
