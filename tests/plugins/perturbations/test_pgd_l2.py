"""`pgd-l2` refuses a ball that holds every image."""

from __future__ import annotations

import pytest

import fpframe
from fpframe_plugins.perturbations.pgd_l2 import PgdL2
from plugins.perturbations.small_models import make


def test_an_l2_epsilon_that_holds_every_image_is_refused_with_the_remedy(victim):
    with pytest.raises(fpframe.ParameterError) as caught:
        make(PgdL2(epsilon=10.0), victim)
    expected = (
        "'epsilon' of 'pgd-l2' must be in (0, 8) in pixel units for images of shape (1, 8, 8) (got 10.0); "
        "pixels are in [0, 1], not in [0, 255]"
    )
    assert str(caught.value) == expected
