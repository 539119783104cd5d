"""`remarks_of`: what the reader of a corroboration should know of how it was found."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from fpframe.corroboration.likeness import Likeness, Reference
from fpframe.corroboration.plan import Plan
from fpframe.corroboration.remarks import Remark
from fpframe.corroboration.weightsfile import FileLayers

#: The likeness, and the share of equal weights, that copies have and independent models lack.
_AS_COPIES, _EQUAL = 0.9, 0.5
#: The share of channels in place that independent models lack: of 16 in any order, one in 16.
_IN_PLACE = 0.5


def remarks_of(
    plan: Plan,
    opened: FileLayers,
    reference: Reference,
    scores: Sequence[Likeness],
    *,
    left_out: int,
) -> tuple[Remark, ...]:
    """Return the remarks.

    Args:
        plan: all layers of the victim.
        opened: those that the suspect has.
        reference: what was compared with.
        scores: how like the independent models are.
        left_out: how many independent models have another architecture.
    """
    return (*_of_suspect(plan, opened, reference), *_of_independents(reference, scores, left_out))


def _of_suspect(plan: Plan, opened: FileLayers, reference: Reference) -> Iterator[Remark]:
    if not plan.traced:
        yield Remark(
            "order-fixed",
            "It could not be followed how the network computes. Channels were compared in the order of the file, so "
            "that a copy with another order is missed.",
        )
    if plan.held:
        yield Remark(
            "order-fixed-in-part",
            f"In {len(plan.held)} of {len(plan.layers)} layers, such as those around attention, channels could not be "
            f"followed: {_few(plan.held)}. They were compared in the order of the file, so that a copy with another "
            "order there is missed.",
        )
    missing = [layer.name for layer in plan.layers if layer.name not in opened.found]
    if missing:
        yield Remark(
            "layers-missing",
            f"{len(missing)} of the victim's {len(plan.layers)} layers are not in the suspect's file, or have another "
            f"shape there: {_few(missing)}. All models were compared by the others.",
        )
    assigned = [name for name, found in opened.found.items() if found.how != "name"]
    if assigned:
        yield Remark(
            "layers-assigned",
            f"{len(assigned)} layers bear other names in the suspect's file, and were told by shape or content: "
            f"{_few(assigned)}.",
        )
    if not opened.norms:
        yield Remark(
            "norms-left-out",
            "Batch normalisation could not be told in the suspect's file. It was left out of all models, and the "
            "weights before it were compared at any scale of their channels.",
        )
    unchanged = [layer.name for layer in reference.plan.layers if layer not in reference.changed.layers]
    if unchanged:
        yield Remark(
            "layers-unchanged",
            f"The victim took {len(unchanged)} layers over from the base as they were: {_few(unchanged)}. They say "
            "nothing, and were left out.",
        )


def _of_independents(reference: Reference, scores: Sequence[Likeness], left_out: int) -> Iterator[Remark]:
    if left_out:
        yield Remark(
            "independents-left-out",
            f"{left_out} models of the folder have another architecture than the victim, and were left out.",
        )
    remedy = "" if reference.base else " If they and the victim began with one public model, name it as the base."
    alike = [score for score in scores if score.mean >= _AS_COPIES or _mean_equal(score) >= _EQUAL]
    if alike:
        yield Remark(
            "independents-alike",
            f"{len(alike)} of {len(scores)} independent models are as like the victim as copies are, up to "
            f"{max(score.mean for score in alike):.3f}.{remedy}",
        )
    shared = [score for score in scores if score.in_place >= _IN_PLACE]
    if shared and reference.base is None:
        yield Remark(
            "base-shared",
            f"{len(shared)} of {len(scores)} independent models hold most channels in the victim's own order, which "
            f"models with beginnings of their own do not. They are of one origin with it.{remedy}",
        )


def _mean_equal(score: Likeness) -> float:
    return sum(layer.equal for layer in score.layers.values()) / len(score.layers)


def _few(names: Sequence[str], most: int = 5) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{', '.join(names[:most])}{more}"
