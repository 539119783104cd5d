"""`boundary` makes queries that are answered by a margin with a new label."""

from __future__ import annotations

import copy

import pytest
import torch

from fpframe.models.queryset import add_perturbation, to_pixels
from fpframe_plugins.perturbations.boundary import Boundary
from plugins.perturbations.small_models import digits, linear, make


@pytest.mark.slow
@pytest.mark.parametrize("toward", ["least-likely", "random", "second"])
def test_boundary_queries_are_answered_by_a_margin_with_the_new_label_before_the_old_one(toward, lineage):
    victim, _, _ = lineage
    images, labels = digits()
    images, labels = images[1200:1300], labels[1200:1300]
    natural = victim.logits(to_pixels(images))
    made = Boundary(toward=toward, margin=0.25)(victim, to_pixels(images), labels, seed=0)
    logits = victim.logits(to_pixels(add_perturbation(images, made.delta)))
    values, classes = logits.topk(2, dim=1)
    gap = values[:, 0] - values[:, 1]
    arrived = (classes[:, 1] == natural.argmax(1)) & (gap > 0.25 - 1e-4)
    assert torch.equal(made.converged, arrived)
    assert float(made.converged.float().mean()) > 0.9
    # one step more than the margin, a fraction of what it was
    usual = natural.topk(2).values
    assert float(gap[arrived].max()) < 0.35 < 0.2 * float((usual[:, 0] - usual[:, 1]).median())
    rank = {"least-likely": 9, "second": 1}.get(toward)
    if rank is None:
        assert len(set(classes[arrived, 0].tolist())) > 4
    else:
        assert torch.equal(classes[arrived, 0], natural.argsort(1, descending=True)[arrived, rank])


def test_boundary_deltas_are_asked_just_as_they_are(victim):
    images, labels = digits()
    delta = Boundary()(victim, to_pixels(images[:50]), labels[:50], seed=0).delta
    asked = to_pixels(add_perturbation(images[:50], delta))
    assert torch.allclose(asked, to_pixels(images[:50]) + delta, atol=1e-6)
    assert bool(delta.flatten(1).any(1).all())


@pytest.mark.slow
def test_a_larger_margin_of_boundary_outlasts_larger_changes_of_a_copy(lineage):
    victim, _, _ = lineage
    images, labels = digits()
    images, labels = images[1200:1260], labels[1200:1260]
    copied = copy.deepcopy(victim)
    noise = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for weight in copied.parameters():
            weight.add_(0.1 * weight.std() * torch.randn(weight.shape, generator=noise))
    shares = []
    for margin in (0.0, 0.5, 1.5):
        delta = Boundary(margin=margin, learning_rate=0.002)(victim, to_pixels(images), labels, seed=0).delta
        asked = to_pixels(add_perturbation(images, delta))
        shares.append(float((copied.logits(asked).argmax(1) == victim.logits(asked).argmax(1)).float().mean()))
    assert shares[0] + 0.1 < shares[1] < shares[2]


def test_boundary_says_which_images_did_not_get_there(victim):
    made = make(Boundary(margin=0.1, steps=300), victim)
    assert made.steps == 300
    assert 0 < int(made.converged.sum()) < 200


def test_boundary_goes_between_two_classes_where_there_are_no_others():
    model = linear(torch.tensor([[1.0, 0, 0, 0], [0, 1, 0, 0]]))
    x = torch.tensor([204, 51, 102, 102.0]).reshape(1, 1, 2, 2) / 255
    made = Boundary(margin=0.1)(model, x, torch.zeros(1, dtype=torch.long), seed=0)
    assert bool(made.converged)
    logits = model(x + made.delta).squeeze()
    assert 0.1 - 1e-4 < float(logits[1] - logits[0]) < 0.12
