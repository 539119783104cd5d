"""How images are prepared for the victim: whether that is meant for other pixels, and what would do."""

from __future__ import annotations

import attrs
from torch import Tensor

from fpframe.base import Note
from fpframe.enrolment.clearly import beyond_chance, clearly_knows, rights_far_more
from fpframe.enrolment.settling import Unfit
from fpframe.enrolment.victim_sight import Sight
from fpframe.models import Classifier

#: How networks are usually prepared: pixels as they are, from 0 to 255, and from -1 to 1.
_USUAL = ((0.0, 1.0), (0.0, 1 / 255), (0.5, 0.5))


def preparation_in_bytes(sight: Sight) -> Unfit | None:
    """Look for a mean or a deviation in units of 0 to 255.

    They are believed where the victim gets more right with them than chance does, and the same numbers divided by 255
    do not make far more right.
    """
    victim = sight.victim
    mean, std = list(victim.mean or [0.0]), list(victim.std or [1.0])
    in_bytes = max(map(abs, mean)) > 1, max(std) > 1
    if not any(in_bytes) or victim.preparation.scale != 1:
        return None
    mended = _divided(mean) if in_bytes[0] else mean, _divided(std) if in_bytes[1] else std
    ways = [mended] if all(in_bytes) else [mended, (_divided(mean), _divided(std))]
    right = [_right(sight, _prepared(victim, *way)) for way in ways]
    ours = sight.given == sight.truth
    knows = clearly_knows(beyond_chance(sight.answers.softmax(1), sight.truth))
    if knows and not any(_far_more(theirs, ours, looks=len(ways)) for theirs in right):
        return None
    best = ways[-1] if _far_more(right[-1], right[0]) else ways[0]
    return Unfit(
        Note(
            "preparation-in-bytes",
            f"Mean {_numbers(mean)} and standard deviation {_numbers(std)} of the victim are for pixels from 0 to 255, "
            f"and fpframe hands over pixels from 0 to 1: it gets {sight.counted} right.",
        ),
        f"divide by 255, as in --mean {_numbers(best[0])} --std {_numbers(best[1])}",
    )


def what_helps_a_stranger(sight: Sight) -> str:
    """Return what helps a victim that seems to do another task; a usual preparation that would do is named."""
    for mean, std in _USUAL:
        right = _right(sight, _prepared(sight.victim, [mean], [std]))
        if _far_more(right, sight.given == sight.truth, looks=len(_USUAL)):
            return f"try --mean {mean:.4g} --std {std:.4g}, with which {int(right.sum())} are right"
    return (
        "check its weights, --mean and --std (for pixels from 0 to 1, as fpframe hands them over), and that "
        f"'{sight.setting.workspace.dataset.address}' is what it was trained for"
    )


def _prepared(victim: Classifier, mean: list[float], std: list[float]) -> Classifier:
    """Return the same network behind another normalisation."""
    other = attrs.evolve(victim.preparation, scale=1, mean=mean, std=std)
    return victim.behind(other, victim.image_shape)


def _right(sight: Sight, victim: Classifier) -> Tensor:
    """Return which test images ``(N,)`` a victim gets right."""
    return victim.labels(sight.setting.workspace.dataset.test.stream) == sight.truth


def _far_more(theirs: Tensor, ours: Tensor, *, looks: int = 1) -> bool:
    """Tell whether one victim rights clearly more than two of the images for each that it makes wrong."""
    return rights_far_more(int((theirs & ~ours).sum()), int((ours & ~theirs).sum()), looks=looks)


def _numbers(values: list[float]) -> str:
    return ",".join(f"{value:.4g}" for value in values)


def _divided(values: list[float]) -> list[float]:
    return [value / 255 for value in values]
