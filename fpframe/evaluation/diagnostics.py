"""What an evaluation shows of the verdicts themselves: do they accuse as rarely as they say, and what do they cost?"""

from __future__ import annotations

import statistics
from collections.abc import Sequence

import attrs
import numpy as np

from fpframe.decision import (
    DERIVED,
    NOT_SHOWN,
    LeftOut,
    StratumPaths,
    Test,
    ValidityAt,
    VarianceShares,
    check_validity,
    leave_one_stratum_out,
    needed_models,
    reaches,
    variance_shares,
)
from fpframe.evaluation.accusations import Accusations, count_accusations
from fpframe.evaluation.counts import Rate, rate
from fpframe.evaluation.records import Evaluation, HeldOut

#: Levels at which the share of innocent models with so small a p-value is compared with what it may be.
VALIDITY_LEVELS = (0.05, 0.1, 0.2, 0.5)
#: The level at which tests are compared on re-splits, where half of the models calibrate.
COMPARED = 0.1
#: What the literature's t-test claims to be: 99.99 % confidence.
CLAIMED = 1e-4


@attrs.frozen(kw_only=True)
class TestRate:
    """How often one test at one level calls held-out models derived.

    Attributes:
        test: the test.
        level: highest p-value at which it calls a model derived.
        derived: of all thefts.
        independent: of all independent models.
    """

    __test__ = False  # pytest takes every class of such a name for tests

    test: Test
    level: float
    derived: Rate
    independent: Rate


@attrs.frozen(kw_only=True)
class Saving:
    """What stopping early saves.

    Attributes:
        derived: median share of the views that were asked of thefts that were called derived; ``None`` without any.
        independent: the same, of all independent models.
        lost: thefts that the full query set calls derived and an early stop does not.
        won: thefts that an early stop calls derived and the full query set does not.
    """

    derived: float | None
    independent: float | None
    lost: int
    won: int


@attrs.frozen(kw_only=True)
class Diagnostics:
    """What an evaluation shows of the verdicts themselves.

    Attributes:
        shares: how much of the variance of view scores lies between models, by relation.
        validity: by stratum, how often independent models have a p-value at most u when the calibration and held-out
            models of the stratum are divided anew, many times.
        left_out: by stratum, how often its models are called derived by the others alone.
        tests: each test side by side, on the held-out models.
        accusations: how often each test accuses independent models, when calibration and held-out models are divided
            anew, many times; none where half of them are too few for the level.
        saving: what stopping early saves.
    """

    shares: dict[str, VarianceShares]
    validity: dict[str, tuple[ValidityAt, ...]]
    left_out: tuple[LeftOut, ...]
    tests: tuple[TestRate, ...]
    accusations: tuple[Accusations, ...]
    saving: Saving


def diagnose(evaluation: Evaluation) -> Diagnostics:
    """Look at the verdicts of an evaluation."""
    paths = _pooled(evaluation)
    pooled = {name: path.scores() for name, path in paths.items()}
    alpha = evaluation.enrolment.recipe.alpha
    return Diagnostics(
        shares={
            relation: variance_shares(np.array([item.view_scores for item in members]))
            for relation in ("derived", "independent")
            if len(members := _answering(evaluation, relation)) > 1
        },
        validity={
            name: check_validity(scores, levels=VALIDITY_LEVELS, seed=evaluation.enrolment.recipe.seed)
            for name, scores in pooled.items()
        },
        left_out=leave_one_stratum_out(pooled, alpha=alpha) if len(pooled) > 1 else (),
        tests=(
            _test_rate(evaluation, "conformal", alpha),
            _test_rate(evaluation, "sequential", alpha),
            *(
                _test_rate(evaluation, test, level)
                for test in ("welch-by-stratum", "welch")
                for level in (alpha, CLAIMED)
            ),
        ),
        accusations=_accusations(evaluation, paths),
        saving=_saving(evaluation),
    )


def _answering(evaluation: Evaluation, relation: str) -> list[HeldOut]:
    return [item for item in evaluation.suspects if item.model.relation == relation and item.verdict.view_scores]


def _pooled(evaluation: Evaluation) -> dict[str, StratumPaths]:
    """Return the view scores of the calibration and the held-out models of each calibrated stratum."""
    pooled = {}
    for name, paths in evaluation.yardstick.paths.items():
        fresh = [item for item in _answering(evaluation, "independent") if item.model.stratum == name]
        pooled[name] = StratumPaths(
            views=np.concatenate([paths.views, *([item.view_scores] for item in fresh)]),
            families=(*paths.families, *(item.model.family for item in fresh)),
        )
    return pooled


def _accusations(evaluation: Evaluation, paths: dict[str, StratumPaths]) -> tuple[Accusations, ...]:
    smallest = min(path.scores().units for path in paths.values())
    if smallest // 2 < needed_models(COMPARED):  # no conformal p-value could be as small
        return ()
    rules = [("conformal", COMPARED)]
    rules += [(test, level) for test in ("welch-by-stratum", "welch") for level in (COMPARED, CLAIMED)]
    return count_accusations(paths, rules, seed=evaluation.enrolment.recipe.seed)


def _test_rate(evaluation: Evaluation, test: Test, level: float) -> TestRate:
    def count(relation: str) -> Rate:
        name, members = evaluation.everything(relation)
        return rate(name, [(_called(item, test, level), item.model.family) for item in members])

    return TestRate(test=test, level=level, derived=count("derived"), independent=count("independent"))


def _called(item: HeldOut, test: Test, level: float) -> str:
    decision = item.decision(test)
    if test.startswith("welch"):  # its p-value does not depend on the level, and its floor is nowhere
        return DERIVED if reaches(decision.p_value, level) else NOT_SHOWN
    return decision.verdict


def _saving(evaluation: Evaluation) -> Saving:
    views = evaluation.enrolment.queries.views
    _, thefts = evaluation.everything("derived")
    _, innocents = evaluation.everything("independent")
    early = [item.decision("sequential") for item in thefts]
    full = [item.verdict.verdict for item in thefts]
    return Saving(
        derived=_median([decision.views / views for decision in early if decision.verdict == DERIVED]),
        independent=_median([item.decision("sequential").views / views for item in innocents]),
        lost=sum(a.verdict != DERIVED == b for a, b in zip(early, full, strict=True)),
        won=sum(a.verdict == DERIVED != b for a, b in zip(early, full, strict=True)),
    )


def _median(values: Sequence[float]) -> float | None:
    return statistics.median(values) if values else None
