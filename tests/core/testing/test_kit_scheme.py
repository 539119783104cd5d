"""The checks of schemes: each fails for one that breaks that promise alone."""

from __future__ import annotations

import attrs
import pytest

import fpframe
from fpframe import ComponentSpec, Part, Scheme
from fpframe.testing.check import ConformanceError
from fpframe.testing.results import check_scheme, run_data_checks

SOUND = Scheme(
    name="plain",
    summary="natural images",
    parts=(Part(augmenter=ComponentSpec("random"), perturbation=ComponentSpec("uap", {"epsilon": 0.2}), points=20),),
    encoder=ComponentSpec("labels"),
)
[PART] = SOUND.parts
BROKEN = {
    "a_scheme_has_a_name_and_a_summary": attrs.evolve(SOUND, summary="two\nlines"),
    "its_components_can_be_made": attrs.evolve(SOUND, encoder=ComponentSpec("lables")),
    "its_parts_agree_in_views": attrs.evolve(SOUND, parts=(PART, attrs.evolve(PART, views=3))),
    "a_scheme_survives_a_file": attrs.evolve(SOUND, encoder=ComponentSpec("correlation", {"most": 1j})),
}
WORDS = {
    "a_scheme_has_a_name_and_a_summary": "its summary is not one line; say what it is in one line",
    "its_components_can_be_made": "unknown encoder 'lables'; did you mean 'labels'?",
    "its_parts_agree_in_views": "its parts have different numbers of views: ",
    "a_scheme_survives_a_file": "it cannot be written down: ",
}
#: What cannot be written down is no parameter of anything either.
FOLLOWING = {"a_scheme_survives_a_file": {"its_components_can_be_made"}}


@pytest.mark.parametrize("check", BROKEN)
def test_a_broken_scheme_fails_the_check_of_its_fault_alone(check: str, registry: fpframe.Registry) -> None:
    results = run_data_checks(BROKEN[check], registry)
    failed = {result.check.name: result.text for result in results if result.outcome == "failed"}
    assert failed.keys() - FOLLOWING.get(check, set()) == {check}, failed
    assert failed[check].startswith("'plain'")
    assert WORDS[check] in failed[check]


@pytest.mark.parametrize(
    ("scheme", "words"),
    [
        (attrs.evolve(SOUND, name="My Scheme"), "name 'My Scheme' is not of the form my-scheme"),
        (attrs.evolve(SOUND, parts=()), "it has no parts; name what is asked"),
        (attrs.evolve(SOUND, encoder=ComponentSpec("labels", {"depth": 1})), "'labels' has no parameter 'depth'"),
        (
            attrs.evolve(SOUND, parts=(attrs.evolve(PART, pair="no"),)),
            "it cannot be read back: 'parts.0.pair'",
        ),
        (attrs.evolve(SOUND, parts=(attrs.evolve(PART, augmenter=ComponentSpec("uap")),)), "unknown augmenter 'uap'"),
    ],
)
def test_other_faults_are_told_too(scheme: Scheme, words: str, registry: fpframe.Registry) -> None:
    with pytest.raises(ConformanceError) as raised:
        check_scheme(scheme, registry)
    assert words in str(raised.value)


def test_every_shipped_scheme_passes(registry: fpframe.Registry) -> None:
    check_scheme(SOUND, registry)
    for name in registry.names("scheme"):
        check_scheme(registry.get("scheme", name), registry)
