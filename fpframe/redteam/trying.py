"""Tricks of an owner who tries often, or who knows the public randomness before the commitment is made."""

from __future__ import annotations

import attrs

from fpframe.base import Leaf
from fpframe.evidence import seal_commitment
from fpframe.redteam.attempt import Said
from fpframe.redteam.stage import SECOND, Stage


def grind_seeds(stage: Stage) -> Said:
    """Enroll with a seed of one's own, and say that it follows from the beacon."""
    recipe = stage.enrolment.recipe
    queries = attrs.evolve(recipe.queries, seed=(recipe.queries.seed or 0) + 1)
    forgery = attrs.evolve(stage.enrolment, recipe=attrs.evolve(recipe, queries=queries))
    return stage.checked(stage.claim(stage.forged("ground", forgery)))


def try_more_often(stage: Stage) -> Said:
    """Enroll once more than was committed to, and show all of it in the log."""
    allowed = stage.committed.terms.enrolments
    log = stage.log(*(f"{number:064x}" for number in range(allowed)), stage.enrolment.digest)
    return stage.checked(stage.members(stage.parts(case=stage.case(log=log))))


def show_best_of_fifty(stage: Stage) -> Said:
    """Enroll fifty times, and log only the best as if it were the first."""
    best = attrs.evolve(stage.committed, attempt=stage.committed.terms.enrolments + 49)
    return stage.checked(stage.claim(stage.forged("best", attrs.evolve(stage.enrolment, commitment=best))))


def rewrite_log(stage: Stage) -> Said:
    """Leave attempts out of the log after it was sealed."""
    parts = stage.parts()
    other = stage.case(log=stage.log(stage.enrolment.digest).with_entry("started", 2, stage.committed.beacon.value))
    sealed = stage.parts(case=other, seal=stage.seal(parts.enrolment, other.log))
    return stage.checked(stage.members(attrs.evolve(sealed, case=parts.case)))


def commit_late(stage: Stage) -> Said:
    """Commit when the public randomness is known."""
    late = stage.case(at=stage.committed.beacon.earliest + SECOND)
    return stage.checked(stage.members(stage.parts(case=late)))


def back_date_commitment(stage: Stage) -> Said:
    """Commit when the public randomness is known, and write an earlier time; an authority saw it only afterwards."""
    assert stage.authority is not None
    case, path = stage.case(), stage.folder / "case.seal"
    path.write_bytes(seal_commitment(case, stage.claimant, token=stage.authority.stamp(case.root)))
    return stage.checked(stage.members(stage.parts(case=case, commitment_seal=path)))


def swap_commitment(stage: Stage) -> Said:
    """Make one commitment public, and enroll under another."""
    leaves = tuple(Leaf(name=leaf.name, value=leaf.value, salt=leaf.salt[::-1]) for leaf in stage.committed.leaves)
    return stage.checked(stage.members(stage.parts(case=stage.case(leaves=leaves))))
