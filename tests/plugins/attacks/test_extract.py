"""`extract` learns soft answers at a temperature."""

from __future__ import annotations

import copy

import pytest
import torch

from fpframe import ParameterError
from fpframe.models.classifier import state_digest
from fpframe_plugins.attacks.extract import soften
from plugins.attacks.thieves_of_answers import CONTEXT, agreement


def test_a_temperature_is_learned_at(make, digits, loot, blackbox, student):
    plain = make("extract").simulate(copy.deepcopy(student), blackbox.as_query(), loot, context=CONTEXT, seed=0)
    warm = make("extract", temperature=4.0).simulate(student, blackbox.as_query(), loot, context=CONTEXT, seed=0)
    assert agreement(warm, blackbox, digits.test.pixels) > 0.75
    assert state_digest(warm.module) != state_digest(plain.module)


def test_probabilities_soften_as_the_logits_behind_them_do():
    logits = 5 * torch.randn(20, 10, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(soften(logits.softmax(1), 4.0), (logits / 4).softmax(1))
    one_hot = torch.eye(10)
    assert torch.equal(soften(one_hot, 4.0), one_hot)


def test_at_a_high_temperature_the_students_logits_are_drawn_to_the_victims(make, loot, blackbox, student, trainings):
    make("extract", temperature=1000.0).simulate(student, blackbox.as_query(), loot[:50], context=CONTEXT, seed=0)
    [(pixels, targets, _, options)] = trainings.calls
    logits = student.logits(pixels).double()
    wanted = blackbox.logits(pixels).double()
    slope = torch.func.grad(options["loss"])(logits, targets.double()) * len(pixels)
    # Hinton et al., equation 4, where the square of the temperature is what keeps it from vanishing
    centred = (logits - logits.mean(1, keepdim=True)) - (wanted - wanted.mean(1, keepdim=True))
    torch.testing.assert_close(slope, centred / 10, rtol=0.05, atol=0.02)


def test_a_temperature_for_labels_is_refused(make):
    with pytest.raises(ParameterError, match="'temperature' of 'extract' must be 1 with labels=top1"):
        make("extract", labels="top1", temperature=4.0)
