"""`enroll_committed`: an enrolment whose seeds follow from a commitment and from public randomness of a later time."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import attrs

from fpframe.base import canonical_json, now
from fpframe.enrolment import RECIPE, TERMS, Beacon, Committed, Enrolment, Terms, enroll
from fpframe.errors import UsageError
from fpframe.evidence.case import Case
from fpframe.evidence.committing import committed_facts
from fpframe.evidence.refusal import EvidenceError
from fpframe.models import Dataset
from fpframe.opening import Victim
from fpframe.recipe import Recipe, Run


def enroll_committed(
    case: Case,
    beacon: Beacon,
    victim: object,
    dataset: Dataset | str | None = None,
    *,
    out: str | Path,
    accept_unfit: Iterable[str] = (),
    force: bool = False,
    run: Run | None = None,
) -> Enrolment:
    """Enroll a victim as it was committed to, and write it.

    Every attempt is written into the log of the case before it begins. One that was interrupted is made again, with the
    same seeds.

    Args:
        case: the case.
        beacon: the public randomness of the time that was committed to.
        victim: the owner's model, as it was committed to.
        dataset: the data, or its address; ``None`` takes the recipe's.
        out: folder to write the enrolment to.
        accept_unfit: see `fpframe.enroll`.
        force: whether an existing enrolment is overwritten.
        run: how the work is carried out.

    Raises:
        EvidenceError: victim, data, recipe or code are others than were committed to, or all attempts were made.
        UsageError: the beacon is of another time or is not there yet, or as of `fpframe.enroll`.
    """
    run = run or Run()
    terms = _terms(case)
    if beacon.date != terms.beacon:
        raise UsageError(f"the beacon of {terms.beacon} was committed to, and not that of {beacon.date}")
    if beacon.is_later_than(now()):
        raise UsageError(f"nobody can know the beacon of {beacon.date} yet; wait until then")
    attempt = case.log.next_attempt(beacon.value, allowed=terms.enrolments)
    committed = Committed(root=case.root, leaves=case.leaves, beacon=beacon, attempt=attempt)
    given = Victim.of(victim)
    if given is None:
        raise UsageError("name the victim that was committed to")
    _refuse_others(committed, given, dataset, terms, run)
    case = case.with_log(case.log.with_entry("started", attempt, beacon.value))
    made = enroll(given, dataset, recipe=committed.recipe(), without=terms.without, accept_unfit=accept_unfit, run=run)
    made = attrs.evolve(made, commitment=committed)
    made.save(out, force=force)
    case.with_log(case.log.with_entry("finished", attempt, beacon.value, enrolment=made.digest))
    return made


def _terms(case: Case) -> Terms:
    try:
        return Terms.read(next(leaf.value for leaf in case.leaves if leaf.name == TERMS))
    except (StopIteration, ValueError) as error:
        raise EvidenceError("member-damaged", f"the case has no terms that can be read: {error}") from error


def _refuse_others(committed: Committed, victim: Victim, dataset: Dataset | str | None, terms: Terms, run: Run) -> None:
    """Refuse to make an enrolment that would not be the committed one, before anything is trained.

    Raises:
        EvidenceError: names the leaves that differ.
    """
    try:
        recipe = Recipe.parse(str(committed.said(RECIPE)), origin="the committed recipe")
    except ValueError as error:
        raise EvidenceError("member-damaged", f"the case has no recipe: {error}") from error
    found = committed_facts(victim, dataset, recipe, terms, run)
    told = {leaf.name: leaf.value for leaf in committed.leaves}
    differing = sorted(
        name
        for name in told.keys() | found.keys()
        if name not in told or name not in found or canonical_json(told[name]) != canonical_json(found[name])
    )
    if differing:
        raise EvidenceError(
            "committed-otherwise",
            f"{', '.join(differing)} would be others than were committed to; enroll with what was committed to, or "
            "commit anew",
        )
