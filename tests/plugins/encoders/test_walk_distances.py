"""`walk-distances` counts steps until the label changes, and learns which distances models of the victim have."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from fpframe_plugins.encoders.walk_distances import WalkDistances, WalkRegressor


def answers_that_leave_after(distances: Tensor, steps: int) -> Tensor:
    """Return answers ``(B, Q, 3)`` whose label changes after so many steps of walks ``(B, I, W)``, and goes back."""
    number = torch.arange(steps)
    changed = number == distances.unsqueeze(3)
    # what happens after the label has changed once does not matter
    labels = F.pad(changed.flatten(2), (1, 0)).flatten(1).long()
    return 0.9 * F.one_hot(labels, 3) + 0.1 / 3


def test_a_distance_is_the_share_of_steps_before_the_label_changes_first():
    steps = 4
    counts = torch.randint(0, steps + 1, (5, 2, 6), generator=torch.Generator().manual_seed(0))
    module = WalkDistances(starts=2, steps=steps).module(50, 3)
    assert isinstance(module, WalkRegressor)
    answers = answers_that_leave_after(counts, steps)
    assert answers.shape == (5, 50, 3)
    assert torch.equal(module.distances(answers), counts / steps)


def test_steps_that_were_not_asked_leave_no_label():
    counts = torch.tensor([[[0, 1, 2], [1, 1, 0]]])
    module = WalkDistances(steps=2).module(12, 3)
    answers = answers_that_leave_after(counts, 2)
    assert torch.equal(module.distances(answers), torch.tensor([[[0, 0.5, 1], [0.5, 0.5, 0.0]]]))
    # both steps of the last walk are left out, of which the first one leaves
    assert torch.equal(module.distances(answers[:, :12]), torch.tensor([[[0, 0.5, 1], [0.5, 0.5, 1.0]]]))


def test_the_score_is_the_mean_over_images_of_one_regressor():
    module = WalkDistances(steps=2).module(14, 3).requires_grad_(False)
    distances = torch.rand(4, 2, 3, generator=torch.Generator().manual_seed(0))
    by_hand = [
        sum(float(module.layers(image.unsqueeze(0))) for image in (row - module.mean) / module.deviation) / 2
        for row in distances
    ]
    assert module.confidence(distances).tolist() == pytest.approx(by_hand, abs=1e-6)
    assert module.confidence(distances.flip(1)).tolist() == pytest.approx(by_hand, abs=1e-6)


def test_models_whose_walks_are_as_long_as_the_victims_score_above_shorter_ones():
    source = torch.Generator().manual_seed(0)
    made = torch.randint(3, 7, (24, 10, 3), generator=source)
    others = torch.randint(1, 6, (24, 10, 3), generator=source)
    answers = answers_that_leave_after(torch.cat([made, others]), 6).unsqueeze(1)
    learnt = torch.cat([answers[:12], answers[24:36]])
    relation = ["victim"] + ["derived"] * 11 + ["independent"] * 12
    module = WalkDistances(steps=6, iterations=100).fit(learnt, relation, torch.arange(24), seed=0)
    scores = module(answers[:, 0]) @ module(answers[0])[0]
    assert float(scores[12:24].min()) > float(scores[36:].max())


def test_a_walk_that_is_equally_long_for_all_models_is_not_divided_by_its_rounding_errors():
    source = torch.Generator().manual_seed(0)
    counts = torch.cat([torch.full((8, 10, 1), 4), torch.randint(1, 6, (8, 10, 2), generator=source)], dim=2)
    relation = ["victim"] + ["derived"] * 3 + ["independent"] * 4
    answers = answers_that_leave_after(counts, 6).unsqueeze(1)
    module = WalkDistances(steps=6, iterations=5).fit(answers, relation, torch.arange(8), seed=0)
    assert float(module.deviation[0]) == 1
    assert 0 < float(module.deviation[1:].max()) < 0.5


def test_answers_that_are_not_finite_stay_visible_and_only_labels_matter(fingerprints):
    answers, relation, groups = fingerprints
    module = WalkDistances(iterations=5).fit(answers, relation, groups, seed=0)
    spoilt = answers[1].clone()
    spoilt[2, 3, 1] = float("nan")
    assert module(spoilt).isfinite().all(1).tolist() == [True, True, False, True]
    assert torch.equal(module(answers[1]), module(F.one_hot(answers[1].argmax(2), answers.shape[3]).float()))
