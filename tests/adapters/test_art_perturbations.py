"""Perturbations by the code of the Adversarial Robustness Toolbox keep the promises of the kit."""

from __future__ import annotations

import torch

from fpframe.testing.bench import Bench
from fpframe.testing.parametrized import parametrize_with_checks
from fpframe_plugins.perturbations.art_deepfool import ArtDeepfool
from fpframe_plugins.perturbations.art_uap import ArtUap
from fpframe_plugins.perturbations.uap import fooling_rate


@parametrize_with_checks([ArtDeepfool.for_checks(), ArtDeepfool(steps=10, classes=2), ArtUap.for_checks()])
def test_a_perturbation_keeps_its_promises(check):
    check()


def test_a_universal_perturbation_fools_as_many_images_as_it_says():
    model, few = Bench().classifier(), Bench().images(20, seed=1)
    grey = 0.3 + 0.4 * few.pixels  # ART loses what it adds to black and white pixels
    made = ArtUap(epsilon=0.3, target=0.5, passes=5, steps=20)(model, grey, few.labels, seed=0)
    assert fooling_rate(model, grey, model.labels(grey), made.delta) >= 0.5
    assert bool(made.converged)
    assert float(made.delta.abs().max()) <= 0.3


def test_a_local_perturbation_changes_the_labels():
    model, few = Bench().classifier(), Bench().images(40, seed=1)
    made = ArtDeepfool()(model, few.pixels, few.labels, seed=0)
    moved = model.labels((few.pixels + made.delta).clamp(0, 1)) != model.labels(few.pixels)
    assert torch.equal(moved, made.converged)
    assert bool(moved.all())
