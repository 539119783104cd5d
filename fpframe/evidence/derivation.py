"""`Derivation`: one part of an enrolment, derived again and compared with what the enrolment says."""

from __future__ import annotations

from typing import Literal

import attrs
import numpy as np
import torch
from torch import Tensor, nn

from fpframe.enrolment import PLAIN, Enrolment

#: Equal to the last bit; as far apart as machines are; further apart; nobody derived it.
Likeness = Literal["same bits", "within tolerance", "differs", "not derived"]

#: By how much a number may differ between machines, where models are stored and not trained again. Measured between
#: instruction sets it was less than a twentieth of that, see docs/how-to/evidence.md.
PERTURBATION, ANSWER, ENCODER, SCORE = 1e-5, 1e-4, 1e-2, 2e-3
#: The share of the query images of which some pixels may be one grey level apart.
IMAGES = 0.01


@attrs.frozen(kw_only=True)
class Derivation:
    """One part.

    Attributes:
        part: which part.
        likeness: how like it is.
        text: by how much, for a person.
    """

    part: str
    likeness: Likeness
    text: str = ""

    @classmethod
    def of_number(cls, part: str, difference: float, tolerance: float, *, what: str) -> Derivation:
        """Return how like a part is that differs by a number; NaN is further apart than anything."""
        likeness: Likeness = (
            "same bits" if difference == 0 else "within tolerance" if difference <= tolerance else "differs"
        )
        return cls(part=part, likeness=likeness, text=f"{what} by {difference:.2g} at most (up to {tolerance:g})")

    @classmethod
    def of_fact(cls, part: str, told: object, found: object) -> Derivation:
        """Return how like a part is that is either equal or not."""
        same = told == found
        return cls(part=part, likeness="same bits" if same else "differs", text="" if same else f"{found} is found")


def compare_questions(told: Enrolment, found: Enrolment) -> list[Derivation]:
    """Return how like queries, perturbations and the victim's answers are."""
    rows = [_images(told.queries.images, found.queries.images)]
    deltas = [_apart(one, other) for one, other in zip(told.deltas, found.deltas, strict=False)]
    if len(told.deltas) != len(found.deltas):
        deltas.append(float("inf"))
    rows.append(Derivation.of_number("perturbations", max(deltas, default=0.0), PERTURBATION, what="pixels differ"))
    answers = _apart(told.victim_answers, found.victim_answers)
    rows.append(Derivation.of_number("victim's answers", answers, ANSWER, what="probabilities differ"))
    return rows


def compare_encoders(told: Enrolment, found: Enrolment) -> list[Derivation]:
    """Return how like the encoder of each channel is."""
    rows = []
    for channel, encoder in told.encoders.items():
        other = found.encoders.get(channel)
        apart = float("inf") if other is None else _modules_apart(encoder, other)
        rows.append(Derivation.of_number(f"encoder {channel}", apart, ENCODER, what="weights differ"))
    return rows


def compare_calibration(told: Enrolment, found: Enrolment) -> list[Derivation]:
    """Return how like the calibration models are, what they answer, how able they are, and their scores."""
    same = [attrs.astuple(each) for each in told.calibration.models] == [
        attrs.astuple(each) for each in found.calibration.models
    ]
    text = f"{len(told.calibration.models)} told, {len(found.calibration.models)} found"
    rows = [Derivation(part="calibration models", likeness="same bits" if same else "differs", text=text)]
    if not same:
        return rows
    apart = _apart(told.calibration.answers[PLAIN], found.calibration.answers[PLAIN])
    rows.append(Derivation.of_number("calibration answers", apart, ANSWER, what="probabilities differ"))
    if told.ability is not None and found.ability is not None:
        rows.append(_ability(told.ability.models, found.ability.models))
    for channel, views in told.calibration.views.items():
        others = found.calibration.views.get(channel, {})
        scores = max((_arrays_apart(matrix, others.get(name)) for name, matrix in views.items()), default=0.0)
        rows.append(Derivation.of_number(f"scores {channel}", scores, SCORE, what="scores differ"))
    return rows


def _ability(told: Tensor, found: Tensor) -> Derivation:
    if told.shape != found.shape:
        return Derivation(part="ability", likeness="differs", text="other images, or other models")
    other = (told != found).double().mean().item()
    return Derivation.of_number("ability", other, IMAGES, what="labels differ")


def _images(told: Tensor, found: Tensor) -> Derivation:
    if told.shape != found.shape:
        text = f"shapes {tuple(told.shape)} and {tuple(found.shape)}"
        return Derivation(part="queries", likeness="differs", text=text)
    apart = (told.int() - found.int()).abs().flatten(2).amax(2)
    share, most = (apart > 0).double().mean().item(), int(apart.max())
    near: Likeness = "within tolerance" if share <= IMAGES and most <= 1 else "differs"
    text = f"{share:.2%} of the images differ, by {most} grey levels at most"
    return Derivation(part="queries", likeness=near if share else "same bits", text=text)


def _modules_apart(one: nn.Module, other: nn.Module) -> float:
    first, second = one.state_dict(), other.state_dict()
    if first.keys() != second.keys():
        return float("inf")
    return max((_apart(first[name], second[name]) for name in first), default=0.0)


def _apart(one: Tensor, other: Tensor) -> float:
    if one.shape != other.shape:
        return float("inf")
    return 0.0 if torch.equal(one, other) else float((one.double() - other.double()).abs().max())


def _arrays_apart(one: np.ndarray, other: np.ndarray | None) -> float:
    if other is None or one.shape != other.shape:
        return float("inf")
    return float(np.abs(one - other).max())
