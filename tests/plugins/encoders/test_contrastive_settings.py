"""Each setting of `contrastive` does what it says, by formulas that are written out here."""

from __future__ import annotations

import math

import attrs
import pytest
import torch
from torch import Tensor, nn

from fpframe.rng import isolated
from fpframe.testing.results import run_checks
from fpframe_plugins.encoders import contrastive
from fpframe_plugins.encoders._contrastive_losses import log_of_sum_loss, supervised_contrastive_loss
from fpframe_plugins.encoders.contrastive import Contrastive
from plugins.encoders.answers import CLASSES, QUERIES, some_answers

#: One setting at a time, as `uap-released` has it.
CHANGED = {
    "features": {"features": "probs"},
    "encoder": {"hidden": 50, "embedding": 20, "last_relu": True},
    "loss": {"loss": "log-of-sum"},
    "labels": {"victim_alone": True},
    "training": {"steps": 10, "batch_size": 512, "learning_rate": 5e-4, "weight_decay": 0.0},
    "reference": {"against_first_view": True},
}
RELEASED = {key: value for changes in CHANGED.values() for key, value in changes.items()}
RELATION = ["victim", "derived", "derived", "independent", "independent", "independent"]


def some_embeddings(count: int = 9, size: int = 4) -> Tensor:
    source = torch.Generator().manual_seed(0)
    return nn.functional.normalize(torch.randn(count, size, generator=source, dtype=torch.float64), dim=1)


def log_of_sum_by_hand(embeddings: Tensor, labels: list[int], temperature: float) -> float:
    """The sum of exponentials inside the logarithm, term by term; the anchor is its own positive."""
    rows, total = embeddings.tolist(), 0.0
    for anchor, label in zip(rows, labels, strict=True):
        near = everything = 0.0
        for other, theirs in zip(rows, labels, strict=True):
            term = math.exp(sum(a * b for a, b in zip(anchor, other, strict=True)) / temperature)
            everything += term
            near += term if theirs == label else 0
        total -= math.log(near / everything)
    return total / len(rows)


@pytest.mark.parametrize("changes", [*CHANGED.values(), RELEASED], ids=[*CHANGED, "all"])
def test_every_setting_passes_every_check_of_the_kit(changes):
    results = run_checks(Contrastive(**changes))
    assert [(each.check.name, each.text) for each in results if each.outcome != "passed"] == []
    assert len(results) >= 25


def test_probabilities_are_seen_as_they_are_and_log_probabilities_with_a_floor_and_standardised():
    answers = some_answers(views=8)
    raw = Contrastive(features="probs").module(12, CLASSES)
    raw.features.fit(answers)
    assert torch.equal(raw.features(answers), torch.stack([torch.cat(list(view)) for view in answers]))
    assert not list(raw.features.buffers())
    ours = Contrastive().module(12, CLASSES)
    ours.features.fit(answers)
    seen = ours.features(answers)
    assert torch.allclose(seen.mean(0), torch.zeros(12 * CLASSES), atol=1e-5)
    assert float(seen.square().mean()) == pytest.approx(1, rel=1e-5)
    nothing, floor = torch.zeros(1, 12, CLASSES), torch.full((1, 12, CLASSES), 1e-4)
    assert torch.equal(ours.features(nothing), ours.features(floor))


def test_the_encoder_of_the_release_is_two_layers_each_with_a_relu_and_a_unit_norm():
    module = Contrastive(hidden=50, embedding=20, last_relu=True, features="probs").module(12, CLASSES)
    shapes = [tuple(weight.shape) for weight in module.parameters()]
    assert shapes == [(50, 12 * CLASSES), (50,), (20, 50), (20,)]
    first, first_bias, second, second_bias = module.parameters()
    answers = some_answers(views=8)
    by_hand = ((answers.flatten(1) @ first.T + first_bias).clamp(min=0) @ second.T + second_bias).clamp(min=0)
    by_hand = by_hand / by_hand.square().sum(1, keepdim=True).sqrt()
    embedded = module(answers)
    assert torch.allclose(embedded[:, :20], by_hand, atol=1e-6)
    assert torch.equal(embedded[:, 20:], torch.zeros(8, 1))
    assert torch.allclose(embedded.norm(dim=1), torch.ones(8), atol=1e-6)
    assert float(embedded.detach().min()) == 0
    assert float(Contrastive().module(12, CLASSES)(answers).detach().min()) < 0, "ours has no ReLU there"


def test_a_view_of_which_the_last_relu_leaves_nothing_has_unit_norm_and_resembles_no_other():
    module = Contrastive(last_relu=True, features="probs").module(12, CLASSES)
    answers = some_answers(views=2)
    other = module(answers)
    with torch.no_grad():
        module.layers[2].bias.fill_(-100)
    silent, other = module(answers).detach(), other.detach()
    assert torch.allclose(silent.norm(dim=1), torch.ones(2))
    assert float((silent[0] * silent[1]).sum()) == pytest.approx(1)
    assert float((silent * other).sum(1).abs().max()) == 0


@pytest.mark.parametrize("temperature", [0.2, 1.0])
@pytest.mark.parametrize("labels", [[0, 1, 1, 1, 2, 2, 2, 2, 2], [0] * 5 + [1] * 4, list(range(9))])
def test_the_loss_of_the_release_is_the_formula_term_by_term(labels, temperature):
    embeddings = some_embeddings()
    loss = log_of_sum_loss(embeddings, torch.tensor(labels), temperature=temperature)
    assert float(loss) == pytest.approx(log_of_sum_by_hand(embeddings, labels, temperature), rel=1e-9)


def test_its_gradient_is_the_slope_of_that_formula_and_another_one_than_that_of_supcon():
    embeddings, labels = some_embeddings(), [0, 1, 1, 1, 2, 2, 2, 2, 2]
    found = {}
    for loss in (log_of_sum_loss, supervised_contrastive_loss):
        at = embeddings.clone().requires_grad_()
        loss(at, torch.tensor(labels), temperature=0.2).backward()
        found[loss] = at.grad
    step = 1e-6 * torch.nn.functional.one_hot(torch.tensor(6), 36).reshape(9, 4)
    ends = [log_of_sum_by_hand(embeddings + sign * step, labels, 0.2) for sign in (1, -1)]
    assert float(found[log_of_sum_loss][1, 2]) == pytest.approx((ends[0] - ends[1]) / 2e-6, rel=1e-5)
    assert not torch.allclose(*found.values(), rtol=0.1)


def test_the_victim_is_alone_or_one_class_with_what_was_derived_from_it():
    assert Contrastive().classes(RELATION).tolist() == [1, 1, 1, 0, 0, 0]
    assert Contrastive(victim_alone=True).classes(RELATION).tolist() == [0, 1, 1, 2, 2, 2]


def test_the_labels_in_the_loss_are_those_of_every_view(monkeypatch):
    seen = []

    def watched(embeddings: Tensor, labels: Tensor, *, temperature: float) -> Tensor:
        seen.append(labels.tolist())
        return supervised_contrastive_loss(embeddings, labels, temperature=temperature)

    monkeypatch.setitem(contrastive._LOSSES, "supcon", watched)
    answers = torch.stack([some_answers(views=2, seed=seed) for seed in range(6)])
    Contrastive(victim_alone=True, steps=1).fit(answers, RELATION, torch.arange(6), seed=0)
    assert seen == [[0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2]]


def test_a_pass_is_divided_into_minibatches_each_with_every_fingerprint_once(monkeypatch):
    sizes, rows = [], []

    def watched(embeddings: Tensor, labels: Tensor, *, temperature: float) -> Tensor:
        sizes.append(len(labels))
        rows.append(embeddings.detach())
        return 0 * embeddings.sum()

    monkeypatch.setitem(contrastive._LOSSES, "supcon", watched)
    answers = torch.stack([some_answers(views=4, seed=seed) for seed in range(6)])
    Contrastive(steps=2, batch_size=10, weight_decay=0.0).fit(answers, RELATION, torch.arange(6), seed=0)
    assert sizes == [10, 10, 4, 10, 10, 4]
    # nothing has moved: both passes hold the same embeddings, in another order
    first, second = torch.cat(rows[:3]), torch.cat(rows[3:])
    assert not torch.allclose(first, second, atol=1e-5)
    distances = torch.cdist(first, second)
    assert float(distances.min(1).values.max()) < 1e-3
    assert len(set(distances.argmin(1).tolist())) == 24


def test_one_step_is_one_of_adam_on_the_loss_of_the_release():
    encoder = Contrastive(**{**RELEASED, "steps": 1})
    answers = torch.stack([some_answers(views=2, seed=seed) for seed in range(6)])
    fitted = encoder.fit(answers, RELATION, torch.arange(6), seed=3)
    with isolated(3):
        by_hand = encoder.module(12, CLASSES)
    before = [weight.detach().clone() for weight in by_hand.parameters()]
    labels = torch.tensor([0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2])
    embedded = by_hand(answers.flatten(0, 1))
    products = (embedded @ embedded.T / 0.2).exp()
    near = products * (labels[:, None] == labels[None])
    (-(near.sum(1) / products.sum(1)).log()).mean().backward()
    for weight, start, found in zip(by_hand.parameters(), before, fitted.parameters(), strict=True):
        # the first step of Adam: the rate along the sign of each slope, where that is not as small as its epsilon
        expected = start - 5e-4 * weight.grad / (weight.grad.abs() + 1e-8)
        clear = weight.grad.abs() > 1e-5
        assert bool(clear.any())
        assert torch.allclose(found[clear], expected[clear], atol=1e-6)


def test_minibatches_without_a_pair_of_one_label_leave_the_network_finite():
    answers = torch.stack([some_answers(views=1, seed=seed) for seed in range(6)])
    module = Contrastive(batch_size=2, steps=20).fit(answers, RELATION, torch.arange(6), seed=0)
    assert all(bool(weight.isfinite().all()) for weight in module.parameters())


def test_the_network_says_with_which_view_it_is_compared():
    assert not Contrastive().module(QUERIES, CLASSES).against_first_view
    assert Contrastive(against_first_view=True).module(QUERIES, CLASSES).against_first_view


def test_the_scheme_has_every_setting_of_the_release_and_ours_has_none(registry):
    released, ours = (registry.get("scheme", name) for name in ("uap-released", "uap-contrastive"))
    assert released.encoder.params == RELEASED | {"temperature": 0.2}
    assert ours.encoder.params == {}
    defaults = attrs.asdict(Contrastive())
    assert all(defaults[name] != value for name, value in RELEASED.items())
    parts = [attrs.evolve(scheme.parts[0], perturbation=None) for scheme in (released, ours)]
    assert parts[0] == parts[1]
    assert released.parts[0].perturbation.params["target"] == 0.7
