"""DeepFool and universal perturbations against the Adversarial Robustness Toolbox, on one small trained model."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from fpframe_plugins.perturbations.art_deepfool import ArtDeepfool
from fpframe_plugins.perturbations.art_uap import ArtUap
from fpframe_plugins.perturbations.deepfool import Deepfool
from fpframe_plugins.perturbations.uap import Uap, fooling_rate
from fpframe_plugins.perturbations.uap_deepfool import UapDeepfool
from oracles.small_model import digits, lengths

EPSILON = 0.1


def grey(rows: slice) -> Tensor:
    """Return images in [0.3, 0.7], so that nothing is clipped, where ART and we differ."""
    return 0.3 + 0.4 * digits()[0][rows]


def test_deepfool_finds_the_minimum_of_art_where_nothing_is_clipped(victim):
    x, labels = grey(slice(1200, 1300)), digits()[1][1200:1300]
    theirs = ArtDeepfool()(victim, x, labels, seed=0)
    ours = Deepfool(steps=100)(victim, x, labels, seed=0)
    assert torch.equal(ours.converged, theirs.converged)
    assert bool(ours.converged.all())
    # we lengthen each step by 2%, and ART the whole way, which it needs more steps for
    ratios = lengths(ours.delta) / lengths(theirs.delta)
    assert float(lengths(theirs.delta).median()) > 0.1
    assert float((ratios - 1).abs().max()) < 0.05
    assert float(ratios.median()) == pytest.approx(1, abs=0.02)
    assert float(F.cosine_similarity(ours.delta.flatten(1), theirs.delta.flatten(1)).min()) > 0.999


def held_out_rate(victim, delta: Tensor) -> float:
    """Return the share of images that a perturbation fools without having been made on them."""
    x = grey(slice(1300, 1600))
    return fooling_rate(victim, x, victim.labels(x), delta)


@pytest.fixture(scope="module")
def rate_of_art(victim) -> float:
    """The share that ART's perturbation fools."""
    made = ArtUap(epsilon=EPSILON, passes=3, steps=20)(victim, grey(slice(60)), digits()[1][:60], seed=0)
    return held_out_rate(victim, made.delta)


@pytest.mark.parametrize("ours", [Uap(epsilon=EPSILON), UapDeepfool(epsilon=EPSILON, passes=3, steps=20)])
def test_a_universal_perturbation_fools_as_many_as_that_of_art_at_equal_epsilon(ours, victim, rate_of_art):
    rate = held_out_rate(victim, ours(victim, grey(slice(60)), digits()[1][:60], seed=0).delta)
    assert rate_of_art > 0.4
    assert rate > rate_of_art - 0.05
