"""Answers of which somebody said what they are: read so where they can be, with a doubt where they look otherwise."""

from __future__ import annotations

from torch import Tensor

from fpframe.models.answers.conversion import Conversion
from fpframe.models.answers.finding import find
from fpframe.models.answers.findings import Finding, Misfit
from fpframe.models.answers.kinds import CALLED, Outputs
from fpframe.models.answers.reading import Reading
from fpframe.models.answers.rows import distinct, extent
from fpframe.models.answers.shares import out_of_range
from fpframe.models.answers.unread import UnreadError

#: Between which numbers answers of a kind lie.
_RANGES: dict[str, tuple[float, float]] = {"probs": (0, 1), "sigmoid": (0, 1), "percent": (0, 100), "topk": (0, 1)}
#: As what else the answers of a kind may be found, and be what they were said to be.
_ALIKE = {"probs": ("topk",), "percent": ("topk",), "topk": ("probs", "percent"), "logits": (), "sigmoid": ()}


def as_told(numbers: Tensor, kind: Outputs, num_classes: int) -> tuple[Conversion, Reading]:
    """Return how rows ``(N, K)`` are read of which somebody said what they are.

    Raises:
        UnreadError: they cannot be that.
    """
    found, rows = find(numbers), distinct(numbers)
    if kind == "labels":
        conversion = Conversion(kind=kind, num_classes=num_classes)
        highest = "the class with the highest number was taken for the label"
        converted = "" if isinstance(found, Finding) and found.kind == "labels" else highest
        return conversion, Reading(kind=kind, told=True, evidence=extent(rows), converted=converted)
    scale, offset = 1.0, 0.0
    if kind == "percent":
        scale = 100.0
    elif isinstance(found, Finding) and found.kind == kind:
        scale, offset = found.scale, found.offset
    elif kind == "topk" and len(rows) and float(rows.max()) > 1.001:
        scale = 100.0
    conversion = Conversion(kind=kind, num_classes=num_classes, scale=scale, offset=offset)
    _refuse_outside(conversion, numbers, found)
    if kind == "topk" and len(rows) and bool((rows != 0).all(1).any()):
        raise UnreadError(
            "the model answers with a number that is not zero for every class, where only the highest are expected",
            "leave --outputs out",
        )
    doubt = _doubt(kind, found)
    return conversion, Reading(kind=kind, told=True, evidence=extent(rows), converted=conversion.text, doubt=doubt)


def _refuse_outside(conversion: Conversion, numbers: Tensor, found: Finding | Misfit | None) -> None:
    if conversion.kind not in _RANGES:
        return
    finite = numbers[numbers.isfinite()].double()
    scaled = (finite + conversion.offset) / conversion.scale
    if bool(out_of_range(scaled).any()):
        better = _better(found, conversion.kind)
        raise UnreadError(
            f"the model answers with values from {finite.min():.3g} to {finite.max():.3g} where "
            f"{_expected(conversion.kind)} are expected",
            f"say --outputs {better}",
        )
    if conversion.kind == "percent" and isinstance(found, Finding) and found.scale == 1:
        raise UnreadError(
            f"the model answers with values from {finite.min():.3g} to {finite.max():.3g} where percentages are "
            "expected, whose rows sum to 100",
            f"say --outputs {found.kind}",
        )


def _better(found: Finding | Misfit | None, kind: str) -> str:
    """Return what to say instead of a kind."""
    if not isinstance(found, Finding) or found.kind == kind:
        return "logits"
    return "percent" if found.scale == 100 else found.kind


def _expected(kind: str) -> str:
    return "sigmoids" if kind == "sigmoid" else CALLED[kind].removeprefix("the highest ").removesuffix(" alone")


def _doubt(kind: str, found: Finding | Misfit | None) -> str:
    if found is None or (isinstance(found, Finding) and found.kind in (kind, *_ALIKE[kind])):
        return ""
    if isinstance(found, Misfit):
        settled = kind in found.kinds or (found.settled and kind == "logits")
        return "" if settled else f"they look like something else: {found.evidence}"
    return f"they look like {CALLED[found.kind]}: {found.evidence}"
