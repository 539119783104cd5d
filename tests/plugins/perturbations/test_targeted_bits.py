"""`targeted-bits` makes the victim change its answer exactly where the bits of a seed say so."""

from __future__ import annotations

import pytest
import torch

import fpframe
from fpframe.models.channel import through_channel
from fpframe.models.queryset import add_perturbation, to_pixels
from fpframe_plugins.encoders.distance_bits import DistanceBits
from fpframe_plugins.perturbations.targeted_bits import TargetedBits, target_bits
from plugins.perturbations.small_models import digits, network


def test_the_seed_alone_sets_the_bits_and_sets_as_many_of_either_kind():
    assert torch.equal(target_bits(3, 50), target_bits(3, 50))
    assert torch.equal(target_bits(3, 50), target_bits(3, 80)[:50])
    assert not torch.equal(target_bits(3, 50), target_bits(4, 50))
    assert float(target_bits(0, 4000).float().mean()) == pytest.approx(0.5, abs=0.03)


def test_the_victim_has_its_bits_and_independent_models_have_fewer(lineage):
    victim, derived, independent = lineage
    images = digits()[0][1200:1300]
    x = to_pixels(images)
    made = TargetedBits(epsilon=0.25)(
        victim, x, torch.zeros(100).long(), references=fpframe.References(derived[:3]), seed=7
    )
    asked = to_pixels(add_perturbation(images, made.delta))
    wanted = target_bits(7, 100).bool()

    def matching(model: fpframe.Classifier) -> torch.Tensor:
        return (model.logits(x).argmax(1) != model.logits(asked).argmax(1)) == wanted

    assert torch.equal(made.converged, matching(victim))
    assert float(made.converged.float().mean()) > 0.9
    shares = [[float(matching(model).float().mean()) for model in models[3:]] for models in (derived, independent)]
    assert min(shares[0]) > max(shares[1])


def test_the_encoder_reads_the_target_from_the_answers_of_the_victim(lineage):
    victim, derived, _ = lineage
    images = digits()[0][1200:1260]
    x = to_pixels(images)
    references = fpframe.References(derived[:2])
    made = TargetedBits(epsilon=0.25, margin=2.0)(victim, x, torch.zeros(60).long(), references=references, seed=1)
    pairs = torch.cat([x, to_pixels(add_perturbation(images, made.delta))])
    answers = victim.logits(pairs).softmax(1).unsqueeze(0)
    wanted, module = target_bits(1, 60) == 1, DistanceBits().module(120, 10)
    through_labels, read = (module(through_channel(answers, each))[0] > 0 for each in ("top1", "probs"))
    assert torch.equal(through_labels == wanted, made.converged)
    # of labels that change narrowly the answers are not far apart
    assert float((read == wanted)[made.converged].float().mean()) > 0.8


def test_no_element_exceeds_epsilon_and_pixels_stay_in_range(lineage):
    victim, derived, _ = lineage
    x = to_pixels(digits()[0][:40])
    generator = TargetedBits(epsilon=0.1, steps=5)
    # before anything is projected by the caller
    references = fpframe.References(derived[:1])
    made = generator.generate(victim.eval(), x, torch.zeros(40).long(), references=references, seed=0)
    assert float(made.delta.abs().max()) <= 0.1 + 1e-6
    assert float((x + made.delta).min()) >= 0
    assert float((x + made.delta).max()) <= 1


def test_a_bit_of_0_leaves_random_signs_as_they_are_where_no_model_minds_them():
    model = network(1, 8).eval().requires_grad_(False)
    model.module[-1].weight.data.zero_()
    model.module[-1].bias.data.copy_(torch.arange(10.0))
    x = torch.full((30, 1, 8, 8), 128 / 255)
    references = fpframe.References([model])
    made = TargetedBits(epsilon=0.1, margin=0.1)(model, x, torch.zeros(30).long(), references=references, seed=0)
    assert torch.equal(made.converged, target_bits(0, 30) == 0)
    assert torch.allclose(made.delta.abs(), torch.tensor(25 / 255), atol=1e-4)


def test_without_derived_models_the_message_says_so(lineage):
    victim, _, independent = lineage
    x = to_pixels(digits()[0][:4])
    with pytest.raises(fpframe.DataError, match="there is no derived model in the fit split"):
        TargetedBits()(victim, x, torch.zeros(4).long(), references=fpframe.References([], independent[:1]), seed=0)
