"""`pgd` and `pgd-l2` stay in their ball and go to its rim."""

from __future__ import annotations

import pytest

import fpframe
from fpframe_plugins.perturbations.pgd import Pgd
from fpframe_plugins.perturbations.pgd_l2 import PgdL2
from plugins.perturbations.small_models import Constant, make


@pytest.mark.parametrize(("kind", "epsilon"), [(Pgd, 0.02), (Pgd, 0.1), (PgdL2, 0.3), (PgdL2, 2.0)])
@pytest.mark.parametrize("random_start", [0.0, 1.0])
def test_no_delta_leaves_its_ball_and_each_comes_close(kind, epsilon, random_start, victim):
    delta = make(kind(epsilon=epsilon, steps=20, step_size=0.125, random_start=random_start), victim).delta.flatten(1)
    sizes = delta.abs().amax(1) if kind is Pgd else delta.norm(dim=1)
    assert float(sizes.max()) <= epsilon * (1 + 1e-6)
    assert float(sizes.min()) > 0.5 * epsilon


@pytest.mark.parametrize("kind", [Pgd, PgdL2])
def test_a_larger_ball_fools_more(kind, victim):
    shares = [float(make(kind(epsilon=epsilon), victim).converged.float().mean()) for epsilon in (0.01, 0.1, 0.5)]
    assert shares[0] < 0.1
    assert shares[0] < shares[1] <= shares[2]
    if kind is Pgd:
        assert shares[2] == 1


def test_pgd_drops_images_that_it_cannot_move():
    model = fpframe.Classifier(Constant(looks=True), num_classes=10, image_shape=(1, 8, 8))
    assert make(Pgd(steps=40), model).steps == 1
