"""Answers are scored at one sharpness: what a temperature does to them changes no score."""

import pytest
import torch

from fpframe.enrolment.sharpness import scored_answers

TEMPERATURES = (0.25, 0.5, 2.5, 4.0, 10.0, 30.0, 100.0)
CHANNELS = ("probs", "rounded:2", "rounded:1", "top1")


def logits(seed: int, views: int = 3, queries: int = 20, classes: int = 10) -> torch.Tensor:
    return 3 * torch.randn(views, queries, classes, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("temperature", TEMPERATURES)
def test_the_temperature_of_a_suspect_changes_nothing(temperature):
    victim, suspect = logits(0).softmax(-1), logits(1)
    plain = scored_answers(suspect.softmax(-1), victim, "probs")
    warm = scored_answers((suspect.double() / temperature).softmax(-1).float(), victim, "probs")
    assert (plain - warm).abs().max() < 2e-3
    assert torch.equal(plain.argmax(-1), suspect.argmax(-1))


def test_every_view_is_as_sharp_as_the_victims():
    victim = torch.stack([(logits(0)[view] * (view + 0.3)).softmax(-1) for view in range(3)])
    scored = scored_answers(logits(1).softmax(-1), victim, "probs")
    assert torch.allclose(scored.amax(-1).mean(-1), victim.amax(-1).mean(-1), atol=1e-5)
    assert torch.allclose(scored.sum(-1), torch.ones(3, 20), atol=1e-5)


def test_the_victims_own_answers_stay_as_they_are():
    victim = logits(0).softmax(-1)
    assert torch.allclose(scored_answers(victim, victim, "probs"), victim, atol=1e-5)


@pytest.mark.parametrize("channel", CHANNELS)
def test_a_view_comes_out_the_same_whether_or_not_others_were_asked(channel):
    victim, suspect = logits(0).softmax(-1), logits(1).softmax(-1)
    whole = scored_answers(suspect, victim, channel)
    for views in (1, 2):
        assert torch.equal(scored_answers(suspect[:views], victim, channel), whole[:views])


def test_labels_have_no_sharpness():
    victim, suspect = logits(0).softmax(-1), logits(1).softmax(-1)
    labels = scored_answers(suspect, victim, "top1")
    assert set(labels.unique().tolist()) == {0.0, 1.0}


def test_what_is_cut_away_does_not_come_back():
    victim, suspect = logits(0).softmax(-1), logits(1).softmax(-1)
    rounded = scored_answers(suspect, victim, "rounded:1")
    assert torch.equal(rounded == 0, suspect.round(decimals=1) == 0)


def test_answers_that_are_not_finite_stay_so():
    victim, suspect = logits(0).softmax(-1), logits(1).softmax(-1)
    suspect[1, 2, 3] = torch.nan
    scored = scored_answers(suspect, victim, "probs")
    assert scored.isnan().sum() == 1
    assert scored[1, 2, 3].isnan()


@pytest.mark.parametrize("same", [torch.full((1, 20, 10), 0.1), torch.eye(10).repeat(2, 1)[None]])
def test_answers_that_no_temperature_changes_stay_as_they_are(same):
    assert torch.allclose(scored_answers(same, logits(0).softmax(-1), "probs"), same, atol=1e-6)


def test_a_row_that_was_rounded_to_nothing_stays_so():
    victim, suspect = logits(0).softmax(-1), logits(1).softmax(-1)
    suspect[0, 0] = 0.04
    rounded = scored_answers(suspect, victim, "rounded:1")
    assert torch.equal(rounded[0, 0], torch.zeros(10))
    assert rounded.isfinite().all()


@pytest.mark.parametrize("value", [torch.inf, -torch.inf, torch.nan])
def test_what_is_not_finite_leaves_the_other_views_alone(value):
    victim, suspect = logits(0).softmax(-1), logits(1).softmax(-1)
    whole = scored_answers(suspect, victim, "probs")
    suspect[1, 2, 3] = value
    scored = scored_answers(suspect, victim, "probs")
    assert torch.equal(scored[0], whole[0])
    assert torch.equal(scored[2], whole[2])
    assert not scored[1].isfinite().all()
