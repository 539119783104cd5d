"""An enrolment that names a commitment has to be what was committed to, with the seeds that follow from it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import attrs

from fpframe.base import Note, canonical_json
from fpframe.decision import reaches
from fpframe.enrolment.calibration import FROM_RECIPE
from fpframe.enrolment.commitment import CODE, COMPONENT, DATA, VICTIM, Committed
from fpframe.enrolment.contents import Contents
from fpframe.enrolment.origin import Origin
from fpframe.recipe import Recipe
from fpframe.registry import SAME_ARCHITECTURE


class MadeUnder(Protocol):
    """What an enrolment says of itself that a commitment fixes; its queries and encoders are not needed."""

    @property
    def recipe(self) -> Recipe:
        """The full recipe."""

    @property
    def victim(self) -> Mapping[str, Any]:
        """Address, digest and the like."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names."""

    @property
    def origin(self) -> Origin | None:
        """By which code it was made."""

    @property
    def commitment(self) -> Committed | None:
        """What was committed to."""


def refuse_other_commitment(contents: MadeUnder) -> None:
    """Refuse an enrolment that is not the one that its commitment fixed.

    Raises:
        ValueError: says what differs.
    """
    committed = contents.commitment
    if committed is None:
        return
    wanted, found = committed.recipe(), contents.recipe
    if wanted.as_able_as_victim is not False:
        # how long architectures are trained to be as able as the victim is settled when the enrolment is made
        found = attrs.evolve(found, epochs=wanted.epochs, as_able_as_victim=wanted.as_able_as_victim)
    if not reaches(found.alpha, wanted.alpha):
        raise ValueError(f"its level {found.alpha:g} is higher than the {wanted.alpha:g} that was committed to")
    if attrs.evolve(found, alpha=wanted.alpha) != wanted:
        raise ValueError("its recipe is not the committed one with the seeds that follow from commitment and beacon")
    if contents.origin is None:
        raise ValueError("it does not say by which code it was made, and that was committed to")
    for name, value in code_leaves(contents.origin):
        if canonical_json(committed.said(name)) != canonical_json(value):
            raise ValueError(f"'{name}' is another one than was committed to")
    absent = set(contents.victim["absent"]) - {*committed.terms.without, SAME_ARCHITECTURE}
    if absent:
        raise ValueError(f"it lacks the stratum '{min(absent)}', which was committed to")
    told = {
        "weights": (committed.said(VICTIM), contents.victim["digest"]),
        "backbone": (committed.said(VICTIM), contents.victim["backbone"]),
        "base": (committed.said(VICTIM), contents.victim.get("base")),
        "classes": (committed.said(DATA), list(contents.classes)),
    }
    for name, (leaf, value) in told.items():
        if not isinstance(leaf, dict) or leaf.get(name) != value:
            raise ValueError(f"the '{name}' of its victim or data are others than were committed to")


def code_leaves(origin: Origin) -> Iterator[tuple[str, Any]]:
    """Yield name and value of the leaves that say by which code an enrolment is made."""
    yield CODE, {"fpframe": origin.fpframe, "source": origin.source, "packages": dict(origin.packages)}
    for number, each in enumerate(origin.components, start=1):
        yield f"{COMPONENT}{number}", attrs.asdict(each)


def commitment_note(contents: Contents) -> Note:
    """Return what the reader of a verdict should know of what was fixed before the enrolment was made."""
    committed = contents.commitment
    if committed is None:
        return Note(
            "not-committed",
            "Nothing was committed to before the enrolment was made, so nobody can see whether it is the best of many "
            "tries, or was made to fit the suspect.",
        )
    attempt = f"attempt {committed.attempt} of {committed.terms.enrolments}"
    by = f"commitment {committed.root[:16]} and the public randomness of {committed.beacon.date}, {attempt}"
    recipe = committed.recipe()
    if contents.calibration.source != f"{FROM_RECIPE}{recipe.name}, seed {recipe.seed}":
        return Note(
            "calibrated-otherwise",
            f"Queries and encoders follow from {by}. The calibration models are others than were committed to.",
        )
    return Note("committed", f"Seeds follow from {by}. Who committed, and when, is not shown by the enrolment itself.")
