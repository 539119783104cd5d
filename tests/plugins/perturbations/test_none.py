"""`none` adds nothing."""

from __future__ import annotations

from fpframe_plugins.perturbations.none import NoPerturbation
from plugins.perturbations.small_models import make


def test_none_adds_nothing_and_has_no_epsilon(victim):
    assert not make(NoPerturbation(), victim).delta.any()
    assert NoPerturbation().params() == {}
    assert NoPerturbation().bound is None
