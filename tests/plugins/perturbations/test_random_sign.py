"""`random-sign` is plus or minus epsilon everywhere."""

from __future__ import annotations

import pytest

from fpframe_plugins.perturbations.random_sign import RandomSign
from plugins.perturbations.small_models import make


def test_every_element_of_random_sign_is_plus_or_minus_epsilon(victim):
    delta = make(RandomSign(epsilon=0.1), victim).delta
    assert sorted(delta.unique().tolist()) == pytest.approx([-0.1, 0.1])
    assert 0.2 < float((delta > 0).float().mean()) < 0.8
