"""Simulated scans against what can be computed exactly."""

from __future__ import annotations

import attrs
import numpy as np
import pytest

from fpframe.decision import StratumScores
from fpframe.errors import ParameterError, UsageError
from fpframe.marketplace import Expected, Limits, Outcome, Scan
from fpframe.marketplace.kinds import Kind, Kinds
from fpframe.marketplace.simulate import simulate


def conformal(models: int) -> Kinds:
    """Return innocents of one stratum of so many models, whose p-values are exactly as often low as they may be."""
    steps = [k / (models + 1) for k in range(1, models + 2)]
    return Kinds.of([Kind(name="same-data", share=1, p=p, sure=p, first=p) for p in steps])


def thieves(*p_values: float) -> Kinds:
    return Kinds.of([Kind(name="extract", share=1, p=p, sure=p, first=p) for p in p_values])


def scanned(innocents: Kinds, found: Kinds, alpha: float, **changes) -> dict[tuple[int, str], Outcome]:
    scan = Scan(**{"suspects": 1000, "derived": 10, "repeats": 2000, **changes})
    return {(each.stages, each.sharing): each for each in simulate(innocents, found, scan, alpha=alpha)}


def test_innocents_are_accused_as_often_as_the_level_says():
    outcome = scanned(conformal(19), thieves(0.05), 0.05)[1, "alone"]
    mean, deviation = 990 / 20, np.sqrt(990 / 20 * 0.95)
    assert outcome.false.mean == pytest.approx(mean, abs=4 * deviation / np.sqrt(2000))
    assert outcome.false.interval == pytest.approx((mean - 1.96 * deviation, mean + 1.96 * deviation), abs=2)
    assert outcome.found == Expected(mean=10.0, interval=(10.0, 10.0))


def test_holm_accuses_any_innocent_of_many_as_often_as_the_level_says():
    # a calibration that just allows it: the floor is alpha / suspects
    outcome = scanned(conformal(999), thieves(1.0), 0.1, suspects=100, derived=0)[1, "holm"]
    exact = 1 - (1 - 1 / 1000) ** 100
    assert outcome.any_false == pytest.approx(exact, abs=4 * np.sqrt(exact * (1 - exact) / 2000))


def test_of_accusations_by_benjamini_hochberg_a_share_of_alpha_is_false():
    outcome = scanned(conformal(9999), thieves(1 / 10000), 0.1, suspects=1000, derived=100)[1, "benjamini-hochberg"]
    assert outcome.found.mean == 100
    share = outcome.false.mean / (outcome.false.mean + outcome.found.mean)
    assert share == pytest.approx(0.1 * 900 / 1000, abs=0.01)


def test_where_the_floor_is_too_high_nobody_is_accused_whoever_he_is():
    outcomes = scanned(conformal(9), thieves(0.1), 0.1, suspects=1_000_000, derived=20)
    for sharing in ("holm", "benjamini-hochberg"):
        assert outcomes[1, sharing].false.mean == outcomes[1, sharing].found.mean == 0
    assert outcomes[1, "alone"].false.mean == pytest.approx(999_980 / 10, rel=0.001)


def test_a_first_stage_can_only_lose_and_all_suspects_still_share_the_level():
    floor = 1 / 10000
    half = Kinds.of([Kind(name="extract", share=1, p=floor, sure=floor, first=first) for first in (0.1, 0.6)])
    outcomes = scanned(conformal(9999), half, 0.1, suspects=500, derived=100, screen=0.2)
    for sharing in ("alone", "holm", "benjamini-hochberg"):
        one, two = outcomes[1, sharing], outcomes[2, sharing]
        assert two.false.mean <= one.false.mean
    assert outcomes[1, "benjamini-hochberg"].found.mean == 100
    assert outcomes[2, "benjamini-hochberg"].found.mean == pytest.approx(50, abs=1)
    assert outcomes[2, "holm"].asked_further.mean == pytest.approx(400 * 0.2 + 50, abs=2)
    assert outcomes[1, "holm"].asked_further == Expected(mean=500.0, interval=(500.0, 500.0))


def test_a_suspect_whose_interval_crosses_the_level_is_not_accused():
    unsure = Kinds.of([Kind(name="a", share=1, p=0.01, sure=0.2, first=0.01)])
    outcome = scanned(unsure, thieves(0.01), 0.1)[1, "alone"]
    assert (outcome.false.mean, outcome.found.mean) == (0, 10)


def test_a_suspect_without_a_verdict_is_never_accused():
    assert scanned(conformal(9), thieves(np.inf), 0.1)[1, "alone"].found.mean == 0


def test_a_seed_decides_every_draw():
    scan = Scan(suspects=1000, derived=10, repeats=50, seed=3)
    first, again, other = (
        simulate(conformal(9), thieves(0.1, 0.5), each, alpha=0.1) for each in (scan, scan, attrs.evolve(scan, seed=4))
    )
    assert first == again
    assert first != other


def test_shares_are_told_by_name():
    kinds = Kinds.of(
        [
            Kind(name="a", share=1, p=0.05, sure=0.05, first=1, family="one"),
            Kind(name="a", share=3, p=0.5, sure=0.5, first=1, family="two"),
            Kind(name="b", share=4, p=0.05, sure=0.5, first=1, family="two"),
            Kind(name="b", share=4, p=1, sure=1, first=1),
        ]
    )
    assert kinds.share.sum() == pytest.approx(1)
    assert kinds.shares_called(0.1) == {"a": pytest.approx(0.25), "b": 0.0}
    assert kinds.families_called(0.1) == (1, 2)


def stratum(families: int) -> StratumScores:
    return StratumScores(scores=tuple(map(float, range(families))), families=tuple(map(str, range(families))))


def test_limits_are_those_of_the_smallest_stratum():
    strata = {"a": stratum(19), "b": stratum(9)}
    limits = Limits.of(strata, Scan(suspects=1_000_000, derived=20), alpha=0.1)
    assert (limits.floor, limits.families) == (0.1, 9)
    assert (limits.needed_by_holm, limits.needed_by_bh) == (9_999_999, 499_999)
    assert limits.together == 1_000_000
    assert Limits.of(strata, Scan(suspects=1000, derived=0), alpha=0.05).together == 2000


def test_what_benjamini_hochberg_needs_is_enough_and_one_fewer_is_not():
    limits = Limits.of({"a": stratum(1)}, Scan(suspects=1000, derived=10), alpha=0.1)
    never = Kinds.of([Kind(name="a", share=1, p=1, sure=1, first=1)])
    for models, found in ((limits.needed_by_bh, 10), (limits.needed_by_bh - 1, 0)):
        outcome = scanned(never, thieves(1 / (models + 1)), 0.1, repeats=2)[1, "benjamini-hochberg"]
        assert outcome.found.mean == found


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"suspects": 5, "derived": 6}, UsageError, "of 5 suspects 6 cannot be made from the victim"),
        ({"suspects": 0}, ParameterError, "'suspects' of 'Scan' must be a whole number of at least 1"),
        ({"screen": 0.0}, ParameterError, "'screen' of 'Scan' must be a number above 0"),
        ({"price": -1.0}, ParameterError, "'price' of 'Scan'"),
    ],
)
def test_scans_that_cannot_be_are_refused(changes, error, message):
    with pytest.raises(error, match=message):
        Scan(**changes)
