"""What a claimant declares of a suspect, or fpframe detects, never makes a verdict easier to get."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import fpframe
from fpframe.enrolment import PLAIN
from fpframe.enrolment.agreement import Agreement
from fpframe.enrolment.enrolment import Enrolment
from fpframe.verification.hindrances import entangled
from fpframe.verification.probes import NOTABLE
from fpframe.verification.yardstick import models_of, unfiltered
from fpframe.verification.yardsticks import Yardsticks

#: Filters that change answers only, so that every enrolment has a calibration through them.
FILTERS = ("temperature(0.05)", "temperature(10)", "round(1)", "top1", "answer-noise(0.3)", "temperature(4)->round(2)")
TESTS = ("conformal", "sequential", "welch", "welch-by-stratum")


@pytest.fixture(scope="module")
def yardsticks(tiny_enrolment, registry) -> Yardsticks:
    return Yardsticks(Enrolment.open(tiny_enrolment), registry)


def drawn_scores(views: int) -> list[list[float]]:
    """Return view scores of suspects, from those of innocents to those of copies."""
    source = np.random.default_rng(0)
    return [source.normal(centre, 0.1, views).clip(-1, 1).tolist() for centre in np.linspace(-0.5, 0.99, 40)]


@pytest.mark.parametrize("test", TESTS)
@pytest.mark.parametrize("through", FILTERS)
def test_a_filter_never_lowers_a_p_value_nor_makes_anybody_derived(yardsticks, through, test):
    plain, behind = yardsticks.of("probs"), yardsticks.of("probs", through)
    for scores in drawn_scores(len(next(iter(plain.paths.values())).views[0])):
        without = plain.decide(scores, alpha=0.1, test=test)
        held = behind.decide(scores, alpha=0.1, test=test)
        if held.verdict == "DERIVED":
            assert without.verdict in ("DERIVED", "INCONCLUSIVE")
        if held.views == without.views and held.reason is None is without.reason:
            assert held.p_value >= without.p_value


@pytest.mark.parametrize("through", FILTERS)
def test_the_p_value_is_the_larger_one_of_both_comparisons(yardsticks, through):
    plain, behind = yardsticks.of("probs"), yardsticks.of("probs", through)
    for scores in drawn_scores(len(next(iter(plain.paths.values())).views[0])):
        strata = behind.decide(scores, alpha=0.1).strata
        alone = plain.decide(scores, alpha=0.1).strata
        assert {name: result.p for name, result in strata.items() if name != models_of(name)} == {
            unfiltered(name): result.p for name, result in alone.items()
        }
        assert set(map(models_of, strata)) == set(alone)


@pytest.mark.slow
@pytest.mark.parametrize("through", [FILTERS[0], *(pytest.param(each, marks=pytest.mark.slow) for each in FILTERS[1:])])
def test_an_innocent_that_lacks_the_named_filter_is_not_accused(yardsticks, through):
    enrolment = yardsticks.enrolment
    images = enrolment.queries.images.flatten(0, 1).float() / 255
    for rows in enrolment.calibration.answers[PLAIN][::6].flatten(1, 2):

        def replay(pixels, rows=rows):
            return rows[torch.cdist(pixels.flatten(1), images.flatten(1), p=torch.inf).argmin(1)]

        verdict = fpframe.verify(enrolment, replay, through=through)
        assert verdict.verdict != "DERIVED"
        assert "filter-named" in {note.code for note in verdict.caveats}


# --- the same task


def answers_of(labels: torch.Tensor, classes: int) -> torch.Tensor:
    """Return sure answers ``(V, Q, K)`` with these labels ``(V, Q)``."""
    return torch.nn.functional.one_hot(labels, classes).float()


@pytest.mark.parametrize("classes", [2, 10])
def test_no_calibration_model_is_astray_by_the_rule_that_the_models_set(classes):
    """Queries that the victim gets wrong: accurate models agree with it less than chance."""
    source = torch.Generator().manual_seed(0)
    truth = torch.randint(0, classes, (1, 200), generator=source)
    victim = (truth + 1) % classes
    models = []
    for accuracy in torch.linspace(0.5, 1, 9):
        right = torch.rand(1, 200, generator=source) < accuracy
        models.append(answers_of(torch.where(right, truth, victim), classes))
    agreement = Agreement(answers_of(victim, classes), torch.stack(models))
    assert agreement.lowest(1) < 0
    assert [agreement.astray(model) for model in models] == [None] * 9


# --- the batch


def probed(moved: int, by: float, mixing: bool = True):
    from fpframe.verification.probes import Probed

    alone = torch.full((16, 4), 0.25)
    together = alone.clone()
    together[:moved, 0] += by
    return Probed(
        answers=torch.stack([together, alone, alone]),
        positions=torch.arange(16),
        changing=False,
        swapped=False,
        mixing=mixing,
    )


@pytest.mark.parametrize(
    ("moved", "by", "found"),
    [(16, 0.3, True), (2, 0.05, True), (1, 0.3, False), (16, NOTABLE / 2, False), (0, 0.0, False)],
)
def test_answers_that_hang_on_the_batch_prevent_a_verdict_unless_precision_explains_it(moved, by, found):
    note = entangled(probed(moved, by))
    assert (note is not None) == found
    assert not found or note.code == "batch-decides"
    assert entangled(probed(moved, by, mixing=False)) is None


class Place(torch.nn.Module):
    """Answers by the place of an image in its batch, or as a network does that was left in training mode."""

    def __init__(self, network, kind):
        super().__init__()
        self.network, self.kind = network, kind
        self.norm = torch.nn.BatchNorm1d(10, affine=False, track_running_stats=False)

    def forward(self, pixels):
        logits = self.network(pixels)
        if self.kind == "training mode":  # statistics of the batch, in whatever mode
            return self.norm(logits) if len(logits) > 1 else logits
        return torch.where(torch.arange(len(logits))[:, None] == 0, logits, logits.roll(1, 1))


@pytest.mark.parametrize("kind", ["training mode", "place in the batch"])
def test_a_suspect_that_answers_by_the_batch_gets_no_verdict(yardsticks, digits, registry, kind):
    network = fpframe.build_backbone(registry, "paper:arc-e", 10, digits.image_shape, seed=3)
    verdict = fpframe.verify(yardsticks.enrolment, Place(network, kind))
    assert (verdict.verdict, verdict.reason_code) == ("INCONCLUSIVE", "batch-decides")
    assert "--batch-size 1" in verdict.sentence
