"""`stretched` goes over the victim's boundary as far as derived models follow and independent ones do not."""

from __future__ import annotations

import pytest
import torch

import fpframe
from fpframe.models.queryset import add_perturbation, to_pixels
from fpframe_plugins.perturbations.stretched import Stretched, middle_of_best
from plugins.perturbations.small_models import digits, linear


def axis(at: float) -> fpframe.Classifier:
    """A model of 2x2 images that gives class 1 where the sum of the pixels is above 4 times `at`."""
    model = linear(torch.tensor([[0.0] * 4, [1.0] * 4]) * 10)
    model.module[1] = torch.nn.Linear(4, 2)
    model.module[1].weight.data = torch.tensor([[0.0] * 4, [10.0] * 4])
    model.module[1].bias.data = torch.tensor([40.0 * at, 0.0])
    return model.eval().requires_grad_(False)


def went(derived: list[float], independent: list[float], **settings: float) -> tuple[float, bool]:
    """How far the mean pixel goes from 0.2, where boundaries are at these places and the victim's is at 0.4."""
    x = torch.full((1, 1, 2, 2), 51 / 255)
    references = fpframe.References([axis(each) for each in derived], [axis(each) for each in independent])
    made = Stretched(factors=41, most=3.0, **settings)(
        axis(0.4), x, torch.zeros(1).long(), references=references, seed=0
    )
    return float((x + made.delta).mean()), bool(made.converged)


def test_the_factor_is_the_middle_of_those_between_the_boundaries_of_derived_and_independent_models():
    end, admissible = went([0.42, 0.45], [0.65, 0.7])
    assert admissible
    assert end == pytest.approx((0.45 + 0.65) / 2, abs=0.02)


def test_quantiles_leave_out_models_whose_boundary_is_far_off():
    # one of five independent models goes over before the derived ones do, and may
    end, admissible = went([0.5], [0.45, 0.7, 0.7, 0.7, 0.7], unique=0.8)
    assert admissible
    assert end == pytest.approx(0.6, abs=0.02)
    assert not went([0.5], [0.45, 0.7, 0.7, 0.7, 0.7], unique=0.9)[1]
    assert went([0.42, 0.42, 0.9], [0.7], robust=0.6)[1]
    assert not went([0.42, 0.42, 0.9], [0.7], robust=0.7)[1]


def test_without_an_admissible_factor_the_image_moves_all_the_same_and_has_not_converged():
    end, admissible = went([0.7], [0.5])
    assert not admissible
    assert end > 0.4


def test_the_middle_one_of_equal_rows_is_taken():
    slack = torch.tensor([[0.0, 1, 2, 1], [1, 1, 1, 1], [1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 0, 1]])
    assert middle_of_best(slack).tolist() == [2, 1, 0, 1]


def test_an_image_has_converged_where_its_8_bit_query_keeps_both_shares(lineage):
    victim, derived, independent = lineage
    images = digits()[0][1200:1260]
    references = fpframe.References(derived[:3], independent[:3])
    generator = Stretched(robust=0.6, unique=0.6)
    made = generator(victim, to_pixels(images), torch.zeros(60).long(), references=references, seed=0)
    asked = to_pixels(add_perturbation(images, made.delta))
    given, before = (victim.logits(x).argmax(1) for x in (asked, to_pixels(images)))
    shares = [
        torch.stack([model.logits(asked).argmax(1) == given for model in models[:3]]).float().mean(0)
        for models in (derived, independent)
    ]
    by_hand = (given != before) & (shares[0] >= 0.6) & (1 - shares[1] >= 0.6)
    assert not bool((made.converged & ~by_hand).any())
    assert int(made.converged.sum()) > 20


def test_without_models_of_both_kinds_it_says_what_is_missing(lineage):
    victim, derived, _ = lineage
    x = to_pixels(digits()[0][:4])
    with pytest.raises(fpframe.DataError, match=r"'stretched' seeks how far to go by models .* has none of one kind"):
        Stretched()(victim, x, torch.zeros(4).long(), references=fpframe.References(derived[:1]), seed=0)
