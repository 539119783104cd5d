"""One number for each image: a label, or of two classes the probability, or the logit, of the second one."""

from __future__ import annotations

from torch import Tensor

from fpframe.models.answers.conversion import Conversion
from fpframe.models.answers.kinds import CALLED, Outputs, options
from fpframe.models.answers.reading import Reading
from fpframe.models.answers.shapes import plain
from fpframe.models.answers.unread import UnreadError


def settle_single(numbers: Tensor, outputs: Outputs, num_classes: int) -> tuple[Conversion, Reading]:
    """Return how numbers ``(N,)`` are read.

    Raises:
        UnreadError: they fit no reading, or may be read in several ways.
    """
    finite = numbers[numbers.isfinite()].double()
    whole = bool((finite == finite.round()).all())
    reach = f"values from {plain(float(finite.min()))} to {plain(float(finite.max()))}" if len(finite) else "no values"
    told = outputs != "auto"
    evidence = f"one number for each image, {reach}"
    if outputs == "labels" or (whole and not told):
        kind: Outputs = "labels"
    elif num_classes != 2:
        if told and whole:
            remedy = "say --outputs labels if they are labels"
        else:
            remedy = f"let it return {num_classes} numbers for each image, or whole labels"
        raise UnreadError(
            f"the model answers with one number for each image ({reach}), for {num_classes} classes", remedy
        )
    else:
        kind = outputs if told else _found(finite, reach)
    conversion = Conversion(
        kind=kind,
        num_classes=num_classes,
        single=kind != "labels",
        scale=100.0 if kind == "percent" else 1.0,
    )
    most = {"probs": 1.001, "sigmoid": 1.001, "topk": 1.001, "percent": 100.1}.get(kind)
    if most is not None and bool(((finite < -1e-3) | (finite > most)).any()):
        raise UnreadError(
            f"the model answers with one number for each image, {reach}, where {CALLED[kind]} are expected",
            "say --outputs logits",
        )
    return conversion, Reading(kind=kind, told=told, evidence=evidence, converted=conversion.text)


def _found(finite: Tensor, reach: str) -> Outputs:
    if bool(((finite >= 0) & (finite <= 1)).all()):
        return "probs"
    if bool((finite < 0).any()) and bool((finite > 0).any()):
        return "logits"
    raise UnreadError(
        f"the model answers with one number for each image ({reach}), which may be several things",
        f"say {options('percent', 'logits')}" if bool((finite >= 0).all()) else "say --outputs logits",
    )
