"""Attacks by the code of ART say what to install where ART is missing."""

from __future__ import annotations

import re
import sys

import pytest

import fpframe
from fpframe.testing.results import run_checks
from plugins.attacks.thieves_of_weights import CONTEXT

NAMES = ["art-copycat", "art-functionally-equivalent", "art-knockoff"]


@pytest.fixture(autouse=True)
def _without_art(monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == "art"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "art", None)


@pytest.mark.parametrize("name", NAMES)
def test_a_missing_library_is_named_with_what_installs_it(name, registry, loot):
    model = fpframe.build_backbone(registry, "paper:arc-a", num_classes=10, image_shape=(1, 8, 8), seed=0)
    message = rf"^the Adversarial Robustness Toolbox is not installed \({name}\); pip install 'fpframe\[art\]'$"
    with pytest.raises(fpframe.UsageError, match=message):
        registry.create("attack", name).simulate(model, model.as_query(), loot, context=CONTEXT, seed=0)


def test_the_conformance_kit_says_what_it_could_not_try(registry):
    results = run_checks(registry.create("attack", "art-knockoff"))
    skipped = [result for result in results if result.outcome == "skipped"]
    said = {result.text for result in skipped} - {"no CUDA device is here"}
    assert said
    assert all(re.fullmatch(r"it needs 'art(\.attacks)?', which is not installed", text) for text in said), said
    assert "the_student_gives_finite_logits" in {result.check.name for result in skipped}
    assert {result.outcome for result in results} == {"passed", "skipped"}
