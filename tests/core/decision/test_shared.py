"""Several suspects share one alpha: drawn cases against Holm's procedure written down another way."""

import math
from functools import cache, partial

import numpy as np
import pytest

from fpframe.decision import (
    DERIVED,
    INCONCLUSIVE,
    StratumPaths,
    decide,
    decide_sequentially,
    decide_together,
    outcome,
    standard_of,
)
from fpframe.decision.shared import share_of

CASES, VIEWS = 1000, 4


class Case:
    """Suspects from innocent to certainly derived, one broken at times, and two strata of calibration models."""

    def __init__(self, seed):
        self.source = np.random.default_rng(seed)
        models = int(self.source.integers(3, 60))
        families = int(self.source.integers(2, models + 1))
        self.paths = {
            name: StratumPaths(
                views=self._views(np.zeros(models)), families=tuple(f"{i % families}" for i in range(models))
            )
            for name in ("far", "near")
        }
        self.scores = {name: path.scores() for name, path in self.paths.items()}
        self.standard = standard_of(self._views(np.zeros(8)))
        self.certify, self.early = self.source.random(2) < (0.3, 0.5)
        self.alpha = float(self.source.choice([0.05, 0.1, 0.3, 0.6]))
        self.views = self._views(self.source.choice([0, 1, 3, 6], self.source.integers(1, 5)))
        if self.source.random() < 0.2:
            self.views[self.source.integers(len(self.views)), 0] = math.nan
        self.share = share_of(self.alpha, len(self.views))
        self.decide = cache(self._decide)
        self.together = decide_together([partial(self.decide, i) for i in range(len(self.views))], alpha=self.alpha)

    def _views(self, heights):
        spread = self.source.normal(0, 1, (len(heights), 1)) + self.source.normal(0, 0.4, (len(heights), VIEWS))
        return np.round(heights[:, None] + spread, 1)  # some tie

    def _decide(self, suspect, level):
        if self.early:
            return decide_sequentially(
                self.views[suspect], self.paths, self.standard, alpha=level, certify=bool(self.certify)
            )
        return decide(self.views[suspect], self.scores, alpha=level, certify=bool(self.certify))

    @property
    def before(self):
        """What each suspect is at the level at which it may be stopped."""
        return [self.decide(i, self.share) for i in range(len(self.views))]


@pytest.fixture(scope="module")
def cases():
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(outcome, "RESAMPLES", 50)  # intervals over views are the costly part, and not what is tested
        yield [Case(seed) for seed in range(CASES)]


def rejected(evidence, alpha):
    """Return whom Holm's procedure rejects, by adjusted p-values: the running maximum of (m - rank) p."""
    known = [value if math.isfinite(value) else 2.0 for value in evidence]
    adjusted, highest = [0.0] * len(known), 0.0
    for rank, index in enumerate(sorted(range(len(known)), key=lambda i: known[i])):
        highest = max(highest, (len(known) - rank) * known[index])
        adjusted[index] = highest
    return [value <= alpha * (1 + 1e-9) for value in adjusted]


def test_drawn_cases_are_of_every_kind(cases):
    found = [decision for case in cases for decision in case.together]
    assert {decision.verdict for decision in found} == {"DERIVED", "NOT_SHOWN", "INCONCLUSIVE"}
    assert {decision.stopped for decision in found} == {"", "derived", "futile"}
    raised = [d for case in cases for d in case.together if d.verdict == DERIVED and d.evidence > case.share]
    assert len(raised) > 20  # derived at a level of Holm's that is above the share


def test_whoever_is_called_derived_is_rejected_by_holms_procedure_and_nobody_else_is(cases):
    for case in cases:
        expected = rejected([decision.evidence for decision in case.before], case.alpha)
        for decision, may in zip(case.together, expected, strict=True):
            assert case.share * (1 - 1e-12) <= decision.alpha <= case.alpha * (1 + 1e-12)
            assert may or decision.verdict != DERIVED
            assert not may or decision.verdict in (DERIVED, INCONCLUSIVE)


def test_whoever_was_stopped_early_as_derived_was_so_at_the_share_and_keeps_that_evidence(cases):
    for case in cases:
        for decision, before in zip(case.together, case.before, strict=True):
            if before.stopped == "derived":
                assert decision.verdict == DERIVED
                assert decision.evidence == before.evidence <= case.share * (1 + 1e-9)
            assert not decision.stopped or decision.views == before.views  # nobody is stopped after the fact


def test_the_order_of_suspects_changes_no_verdict(cases):
    for case in cases:
        order = case.source.permutation(len(case.views)).tolist()
        after = decide_together([partial(case.decide, i) for i in order], alpha=case.alpha)
        assert [case.together[i].verdict for i in order] == [decision.verdict for decision in after]


def test_naming_one_suspect_more_never_makes_another_one_derived(cases):
    for case in cases:
        fewer = decide_together([partial(case.decide, i) for i in range(len(case.views) - 1)], alpha=case.alpha)
        for alone, among in zip(fewer, case.together, strict=False):
            assert alone.verdict == DERIVED or among.verdict != DERIVED


def test_one_suspect_is_held_to_alpha_itself_and_none_to_nothing():
    assert share_of(0.1, 1) == 0.1
    assert share_of(0.1, 4) == 0.1 / 4
    assert decide_together([], alpha=0.1) == []
    with pytest.raises(ValueError, match=r"shared by at least one suspect \(got 0\)"):
        share_of(0.1, 0)


def test_a_suspect_that_was_stopped_above_its_share_is_never_called_derived_at_it():
    views = np.tile(np.arange(19.0)[:, None], (1, VIEWS))
    paths = {"only": StratumPaths(views=views, families=tuple(map(str, range(19))))}
    second = [17.5] * VIEWS  # p = 2 / 20

    def stopped_at_alpha(level):
        return decide_sequentially(second, paths, standard_of(views), alpha=0.1)

    assert stopped_at_alpha(0.05).stopped == "derived"
    with pytest.raises(ValueError, match=r"cannot be DERIVED at level 0\.05: stratum 'only' has 0\.1"):
        decide_together([stopped_at_alpha] * 2, alpha=0.1)
