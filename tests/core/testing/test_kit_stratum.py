"""The checks of strata: each fails for one that breaks that promise alone."""

from __future__ import annotations

import attrs
import pytest

import fpframe
from fpframe import Stratum
from fpframe.registry.strata import STRATA
from fpframe.testing.check import ConformanceError
from fpframe.testing.results import check_stratum, run_data_checks

SOUND = Stratum(
    name="halved",
    models="independent models, stored in half precision",
    protects="somebody who saves memory",
    made="attacked",
    sources=("same-data",),
    steps="quantize(fp16)->round(2)",
)
BROKEN = {
    "a_stratum_has_a_name_of_its_own": attrs.evolve(SOUND, name="attacked"),
    "its_sources_are_trained": attrs.evolve(SOUND, sources=("same-data", "thief-recipe")),
    "its_steps_are_installed": attrs.evolve(SOUND, steps="quantize(fp16)->quantise(4)"),
}
WORDS = {
    "a_stratum_has_a_name_of_its_own": "'attacked' is a stratum that fpframe has; choose another name",
    "its_sources_are_trained": "its source 'thief-recipe' holds no trained models; name one that does",
    "its_steps_are_installed": "its step 'quantise' is not an installed attack or filter",
}


@pytest.mark.parametrize("check", BROKEN)
def test_a_broken_stratum_fails_the_check_of_its_fault_alone(check: str, registry: fpframe.Registry) -> None:
    results = run_data_checks(BROKEN[check], registry)
    failed = {result.check.name: result.text for result in results if result.outcome == "failed"}
    assert failed.keys() == {check}, failed
    assert WORDS[check] in failed[check]


def test_a_source_that_nobody_offers_is_named(registry: fpframe.Registry) -> None:
    with pytest.raises(ConformanceError, match="unknown stratum 'some-data'"):
        check_stratum(attrs.evolve(SOUND, sources=("some-data",)), registry)


def test_a_sound_stratum_passes_as_do_those_of_fpframe_but_for_their_names(registry: fpframe.Registry) -> None:
    check_stratum(SOUND, registry)
    for stratum in STRATA.values():
        check_stratum(attrs.evolve(stratum, name="other-name"), registry)
