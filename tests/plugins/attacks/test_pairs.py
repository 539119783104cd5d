"""Thieves who let a model of their own answer beside the stolen one."""

from __future__ import annotations

import copy

import attrs
import pytest
import torch

import fpframe
from fpframe.models.classifier import state_digest
from fpframe_plugins.attacks.gate import Gate
from fpframe_plugins.attacks.mix import Mix
from plugins.attacks.thieves_of_weights import CONTEXT, state

PAIRS = [Mix(), Mix(share=0.2), Gate(), Gate(margin=0.7)]


@pytest.fixture(scope="module")
def pair(victim, fresh, loot):
    """Return a function that runs an attack, once each."""
    made: dict[str, fpframe.Classifier] = {}

    def run(attack):
        if attack.spec() not in made:
            context = attrs.evolve(CONTEXT, companion=fresh())
            made[attack.spec()] = attack.simulate(copy.deepcopy(victim), None, loot, context=context, seed=0)
        return made[attack.spec()]

    return run


@pytest.mark.parametrize("attack", PAIRS, ids=str)
def test_the_copy_stays_as_it_was_and_the_thiefs_own_model_is_another_that_learned_the_labels(
    pair, victim, digits, attack
):
    both = pair(attack).module
    assert state_digest(both.stolen.module) == state_digest(victim.module)
    agreement = (both.own.logits(digits.test.pixels).argmax(1) == victim.logits(digits.test.pixels).argmax(1)).float()
    assert both.own.accuracy(digits.test.pixels, digits.test.labels) > 0.85
    assert float(agreement.mean()) < 0.99
    assert not pair(attack).training


@pytest.mark.parametrize("share", [0.2, 0.5])
def test_a_mixture_answers_with_the_mean_of_both_in_the_shares_that_are_given(pair, digits, share):
    stolen = pair(Mix(share=share))
    one, other = (model.logits(digits.test.pixels).softmax(1) for model in (stolen.module.stolen, stolen.module.own))
    mixed = stolen.logits(digits.test.pixels).softmax(1)
    assert torch.allclose(mixed, (1 - share) * one + share * other, atol=1e-5)


@pytest.mark.parametrize("margin", [0.2, 0.7])
def test_behind_a_gate_the_stolen_model_answers_where_it_is_sure_and_the_other_elsewhere(pair, digits, margin):
    gated = pair(Gate(margin=margin))
    stolen, own = (model.logits(digits.test.pixels) for model in (gated.module.stolen, gated.module.own))
    first, second = stolen.softmax(1).topk(2).values.unbind(1)
    doubtful = first - second < margin
    assert 0 < int(doubtful.sum()) < len(doubtful)
    answers = gated.logits(digits.test.pixels)
    assert torch.equal(answers[~doubtful], stolen[~doubtful])
    assert torch.equal(answers[doubtful], own[doubtful])


@pytest.mark.parametrize("attack", PAIRS, ids=str)
def test_a_pair_costs_next_to_no_accuracy(pair, victim, digits, attack):
    both, alone = (model.accuracy(digits.test.pixels, digits.test.labels) for model in (pair(attack), victim))
    assert both > alone - 0.05


@pytest.mark.parametrize("attack", PAIRS, ids=str)
def test_a_pair_is_put_together_again_from_its_weights(pair, fresh, digits, attack):
    again = attack.join(fresh(), fresh())
    again.module.load_state_dict(pair(attack).module.state_dict(), strict=True)
    assert torch.equal(again.logits(digits.test.pixels), pair(attack).logits(digits.test.pixels))


@pytest.mark.parametrize("name", ["mix", "gate"])
def test_the_same_seed_gives_the_same_bytes_and_another_seed_another_model_of_ones_own(
    registry, victim, fresh, loot, name
):
    def steal(seed):
        context = attrs.evolve(CONTEXT, companion=fresh())
        attack = {"mix": Mix, "gate": Gate}[name]()
        return state(attack.simulate(copy.deepcopy(victim), None, loot[:150], context=context, seed=seed))

    one, again, other = (steal(seed) for seed in (5, 5, 6))
    assert all(torch.equal(value, again[key]) for key, value in one.items())
    changed = {key.partition(".")[0] for key, value in one.items() if not torch.equal(value, other[key])}
    assert changed == {"own"}


def test_without_a_network_for_the_thiefs_own_model_the_attack_is_refused(victim, loot):
    with pytest.raises(fpframe.ModelError, match="'mix' needs a network for the thief's own model; give AttackContext"):
        Mix().simulate(copy.deepcopy(victim), None, loot, context=CONTEXT, seed=0)


@pytest.mark.parametrize(
    ("attack", "params", "message"),
    [
        (Mix, {"share": 0}, "'share' of 'mix' must be a number above 0 and at most 0.95"),
        (Mix, {"share": 1}, "'share' of 'mix' must be .*got 1"),
        (Gate, {"margin": 0}, "'margin' of 'gate' must be a number above 0 and at most 1"),
        (Gate, {"margin": 1.5}, "'margin' of 'gate' must be"),
    ],
)
def test_wrong_parameters_of_pairs_are_refused_with_their_range(attack, params, message):
    with pytest.raises(fpframe.ParameterError, match=message):
        attack(**params)
