"""`conferrable` makes images whose new labels derived models share and independent ones do not."""

from __future__ import annotations

import attrs
import pytest
import torch

import fpframe
from fpframe.models.classifier import state_digest
from fpframe.models.queryset import add_perturbation, to_pixels
from fpframe_plugins.perturbations.conferrable import Conferrable
from fpframe_plugins.perturbations.pgd import Pgd
from plugins.perturbations.small_models import digits


class Counted(list):
    """Models that count how often each is taken."""

    def __init__(self, models):
        super().__init__(models)
        self.taken = []

    def __getitem__(self, index):
        self.taken.append(index)
        return super().__getitem__(index)

    def __iter__(self):
        raise AssertionError("a sequence that loads its models is taken apart by index")


@pytest.mark.slow
def test_labels_of_conferrable_images_are_shared_by_unseen_derived_models_and_not_by_independent_ones(lineage):
    victim, derived, independent = lineage
    images, labels = digits()
    images, labels = images[1200:1350], labels[1200:1350]
    before = victim.logits(to_pixels(images)).argmax(1)

    def shared(perturbation: fpframe.Perturbation) -> tuple[float, float]:
        asked = to_pixels(add_perturbation(images, perturbation.delta))
        given = victim.logits(asked).argmax(1)
        moved = given != before
        assert int(moved.sum()) > 30
        rates = [
            [float((model.logits(asked).argmax(1) == given)[moved].float().mean()) for model in models]
            for models in (derived[3:], independent[3:])
        ]
        return sum(rates[0]) / 3, sum(rates[1]) / 3

    references = fpframe.References(derived[:3], independent[:3])
    conferrable = Conferrable(epsilon=0.25)(victim, to_pixels(images), labels, references=references, seed=0)
    ours, control = shared(conferrable), shared(Pgd(epsilon=0.25)(victim, to_pixels(images), labels, seed=0))
    assert ours[0] > 0.85
    assert ours[1] < 0.4
    assert ours[0] - ours[1] > control[0] - control[1] + 0.3


@pytest.mark.parametrize("least", [0.3, 1.0])
def test_conferrable_has_converged_where_the_8_bit_image_is_as_conferrable_as_asked_for(least, lineage):
    victim, derived, independent = lineage
    images, labels = digits()
    images, labels = images[1200:1300], labels[1200:1300]
    generator = Conferrable(epsilon=0.25, steps=30, conferrability=least)
    references = fpframe.References(derived[:3], independent[:3])
    made = generator(victim, to_pixels(images), labels, references=references, seed=0)
    asked = to_pixels(add_perturbation(images, made.delta))
    given = victim.logits(asked).argmax(1)
    by_hand = []
    for row in range(100):
        same = [
            sum(int(model.logits(asked[[row]]).argmax() == given[row]) for model in models) / 3
            for models in (derived[:3], independent[:3])
        ]
        changed = int(victim.logits(to_pixels(images[[row]])).argmax()) != int(given[row])
        by_hand.append(changed and same[0] * (1 - same[1]) >= least - 1e-6)
    assert made.converged.tolist() == by_hand
    assert 0 < sum(by_hand) < 100


def test_no_element_of_a_conferrable_delta_exceeds_epsilon_and_the_pixels_stay_in_range(lineage):
    victim, derived, independent = lineage
    images, labels = digits()
    x = to_pixels(images[1200:1250])
    references = fpframe.References(derived[:1], independent[:1])
    # before anything is projected by the caller
    made = Conferrable(epsilon=0.1).generate(victim.eval(), x, labels[:50], references=references, seed=0)
    largest = made.delta.abs().amax((1, 2, 3))
    assert float(largest.max()) <= 0.1 + 1e-6
    assert float(largest.min()) > 0.09
    assert float((x + made.delta).min()) >= 0
    assert float((x + made.delta).max()) <= 1


def test_conferrable_takes_models_from_all_over_the_references_each_once(lineage):
    victim, derived, independent = lineage
    images, labels = digits()
    taken = set()
    for seed in range(6):
        many = Counted([derived[number % 6] for number in range(12)])
        few = Counted(independent[:2])
        generator = Conferrable(models=4, steps=1)
        for again in range(2):
            made = generator(
                victim, to_pixels(images[:70]), labels[:70], references=fpframe.References(many, few), seed=seed
            )
            assert made.steps == 1
            assert many.taken == many.taken[:4] * (again + 1)
        assert few.taken == [0, 1] * 2
        # one of each third, since zoos are sorted by kind
        assert [index // 3 for index in many.taken[:4]] == [0, 1, 2, 3]
        taken |= set(many.taken)
    assert len(taken) > 4


def test_another_seed_leaves_other_models_out_of_conferrables_steps(lineage):
    victim, derived, independent = lineage
    images, labels = digits()
    x, references = to_pixels(images[:20]), fpframe.References(derived[:3], independent[:3])
    for dropout, other in ((0.3, True), (0.0, False)):
        generator = Conferrable(steps=3, dropout=dropout)
        deltas = [generator(victim, x, labels[:20], references=references, seed=seed).delta for seed in (3, 4)]
        assert (not torch.equal(*deltas)) is other


def test_conferrable_leaves_its_references_as_found(lineage):
    victim, derived, independent = lineage
    models = [derived[0], independent[0]]
    for model in models:
        model.train()
    before = [state_digest(model) for model in models]
    weights = [weight for model in models for weight in model.parameters()]
    gradients = [weight.grad for weight in weights]
    images, labels = digits()
    references = fpframe.References(models[:1], models[1:])
    Conferrable(steps=2)(victim, to_pixels(images[:20]), labels[:20], references=references, seed=0)
    assert [state_digest(model) for model in models] == before
    assert all(model.training and weight.requires_grad for model in models for weight in weights)
    assert all(weight.grad is grad for weight, grad in zip(weights, gradients, strict=True))


@pytest.mark.parametrize(("missing", "given"), [("derived", "independent"), ("independent", "derived")])
def test_conferrable_without_models_of_either_kind_is_refused_with_the_remedy(missing, given, victim):
    images, labels = digits()
    references = attrs.evolve(fpframe.References(), **{given: [victim]})
    with pytest.raises(fpframe.DataError, match=f"there is no {missing} model in the fit split; give the zoo"):
        Conferrable()(victim, to_pixels(images[:5]), labels[:5], references=references, seed=0)
    with pytest.raises(fpframe.DataError, match="there is no derived model"):
        Conferrable()(victim, to_pixels(images[:5]), labels[:5], seed=0)
