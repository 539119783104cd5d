"""Points on a model's decision boundary, by bisection between two images."""

from __future__ import annotations

import copy

import torch
from torch import Tensor

from fpframe.models import Classifier, Images, evaluating
from fpframe.rng import generator, threads

#: A point lies on the boundary where the two highest confidences differ by less.
TOLERANCE = 1e-6
#: Halvings of the way between two images; float64 has nothing to halve after 53.
HALVINGS = 50
_BATCH = 512


def confidence_gap(probabilities: Tensor) -> Tensor:
    """Return the difference of the two highest confidences ``(..., P)`` of probabilities ``(..., P, K)``."""
    highest = probabilities.topk(2, dim=-1).values
    return highest[..., 0] - highest[..., 1]


def find_borderpoints(model: Classifier, images: Images, count: int, *, seed: int) -> tuple[Tensor, Tensor]:
    """Return points ``(P, C, H, W)`` on the boundary as float64, and the confidence gaps ``(P,)`` there.

    Pairs of images that the model takes for different classes are drawn at random, and all of them are halved at once.
    Points whose gap is not below `TOLERANCE` are left out, so that P may be smaller than `count`. Everything is in
    float64: in float32 neighbouring points of a line differ by more than the tolerance.

    Args:
        model: the model; left as it is.
        images: what the ends of the lines are drawn from.
        count: number of pairs.
        seed: decides which.
    """
    exact = copy.deepcopy(model).double()
    with threads(1), evaluating(exact), torch.no_grad():
        first, second = _pairs(model, images, count, seed)
        start, end = images.pixels[first].double(), images.pixels[second].double()
        home = _probabilities(exact, start).argmax(1)
        low, high = torch.zeros(len(start), dtype=torch.float64), torch.ones(len(start), dtype=torch.float64)
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            stays = _probabilities(exact, _between(start, end, middle)).argmax(1) == home
            low, high = torch.where(stays, middle, low), torch.where(stays, high, middle)
        points = _between(start, end, (low + high) / 2)
        gaps = confidence_gap(_probabilities(exact, points))
    found = gaps < TOLERANCE
    return points[found], gaps[found]


def _pairs(model: Classifier, images: Images, count: int, seed: int) -> tuple[Tensor, Tensor]:
    labels = model.logits(images.pixels).argmax(1)
    draw = generator(seed, "border points")
    first = torch.randint(len(images), (20 * count,), generator=draw)
    second = torch.randint(len(images), (20 * count,), generator=draw)
    differ = (labels[first] != labels[second]).nonzero().flatten()[:count]
    return first[differ], second[differ]


def _between(start: Tensor, end: Tensor, share: Tensor) -> Tensor:
    at = share.reshape(-1, 1, 1, 1)
    return (1 - at) * start + at * end


def _probabilities(model: Classifier, pixels: Tensor) -> Tensor:
    return torch.cat([model(batch).softmax(1) for batch in pixels.split(_BATCH)])
