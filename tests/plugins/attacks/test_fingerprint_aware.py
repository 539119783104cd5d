"""`fingerprint-aware` weakens perturbations that were crafted on the victim, at a bounded cost."""

from __future__ import annotations

import copy

import pytest
import torch

import fpframe
from fpframe.rng import generator
from fpframe_plugins.attacks import fingerprint_aware
from fpframe_plugins.perturbations.uap import Uap, fooling_rate
from plugins.attacks.thieves_of_weights import SHAPE, changed, state


@pytest.fixture
def hasty(monkeypatch):
    """Let the thief craft in few steps: not how well it does matters, but what it keeps."""
    monkeypatch.setattr(fingerprint_aware, "_CRAFT_STEPS", 20)


@pytest.mark.slow
def test_the_informed_thief_weakens_a_universal_perturbation_that_was_crafted_on_the_victim(steal, victim, digits):
    own, pixels = digits.train[:700], digits.test.pixels
    delta = Uap(epsilon=0.1, steps=400)(victim, own.pixels, own.labels, seed=9).delta
    stolen = steal("fingerprint-aware")
    before, after = (fooling_rate(m, pixels, m.logits(pixels).argmax(1), delta) for m in (victim, stolen))
    assert after < 0.8 * before


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("max_drop", [0.0, 0.02, 0.1])
def test_the_informed_thief_never_gives_up_more_accuracy_than_it_accepts(steal, victim, loot, max_drop):
    seen = []

    class Watched(fpframe.Classifier):
        def logits(self, pixels, *, batch_size=512):
            seen.append(len(pixels))
            return super().logits(pixels, batch_size=batch_size)

    model = Watched(copy.deepcopy(victim.module), num_classes=10, image_shape=SHAPE)
    # a rate that ruins the copy: only a thief who watches can come out well
    stolen = steal("fingerprint-aware", model=model, max_drop=max_drop, learning_rate=0.3, rounds=2)
    held_out = {size for size in seen if size < 100}
    assert held_out == {73}
    order = torch.randperm(len(loot), generator=generator(0, "held out"))
    watched = loot[order[:73]]
    drop = victim.accuracy(watched.pixels, watched.labels) - stolen.accuracy(watched.pixels, watched.labels)
    assert drop <= max_drop + 1e-6


@pytest.mark.usefixtures("hasty")
def test_the_informed_thief_keeps_the_last_round_within_its_bound_which_counts_as_within(steal, loot, monkeypatch):
    right, states = iter([50, 47, 48, 47]), []  # before the attack, and after each round

    def count(model, images):
        states.append(state(model))
        return next(right)

    monkeypatch.setattr(fingerprint_aware, "_count_right", count)
    stolen = steal("fingerprint-aware", data=loot[:150], rounds=3, max_drop=2 / 50)
    assert [bool(changed(kept, state(stolen))) for kept in states] == [True, True, False, True]


@pytest.mark.usefixtures("hasty")
def test_an_informed_thief_for_whom_every_round_costs_too_much_keeps_the_model_as_it_was(steal, victim):
    stolen = steal("fingerprint-aware", max_drop=0.0, learning_rate=0.5, rounds=1)
    assert not changed(state(victim), state(stolen))
    assert changed(state(victim), state(steal("fingerprint-aware", max_drop=1.0, learning_rate=0.5, rounds=1)))
