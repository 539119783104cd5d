"""`shrinking`: a network that gets smaller images for a while, to learn faster."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from fpframe.models.classifier import Classifier
from fpframe.models.modes import evaluation_mode


@contextmanager
def shrinking(model: Classifier, side: int | None) -> Iterator[None]:
    """Shrink images inside the block before they pass the network of a classifier.

    Nothing happens without a side, to images that are no larger, or where the network takes images of one size only.
    """
    if side is None or not _takes(model, side):
        yield
        return
    hook = model.module.register_forward_pre_hook(lambda _, inputs: (_shrunk(inputs[0], side), *inputs[1:]))
    try:
        yield
    finally:
        hook.remove()


def _takes(model: Classifier, side: int) -> bool:
    blank = torch.zeros(2, *model.image_shape, device=model.device)
    with evaluation_mode(model), torch.no_grad():
        whole = model.prepared(blank)
        if whole.ndim != 4 or min(whole.shape[2:]) <= side or model.preparation.layout == "nhwc":
            return False
        try:
            answers = model.module(_shrunk(whole, side))
        except Exception:  # of torch, or the network's own: it takes images of one size
            return False
    return isinstance(answers, Tensor) and answers.shape == (2, model.num_classes)


def _shrunk(images: Tensor, side: int) -> Any:
    height, width = images.shape[2:]
    scale = side / min(height, width)
    size = (round(scale * height), round(scale * width))
    made = F.interpolate(images, size=size, mode="bilinear", antialias=True, align_corners=False)
    lies = torch.channels_last if images.is_contiguous(memory_format=torch.channels_last) else torch.contiguous_format
    return made.contiguous(memory_format=lies)
