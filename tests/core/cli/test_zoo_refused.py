"""Who plans or builds models learns at once that nobody can be enrolled with their recipe."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import fpframe
from fpframe.cli import run

TINY = (Path(fpframe.__file__).parent / "recipe" / "shipped" / "tiny.toml").read_text()
WORDS = "`fpframe enroll` would refuse"

#: What is changed in `tiny`, to what, and what is said.
FAULTS = {
    "alpha is out of reach": ("alpha = 0.1", "alpha = 0.01", "alpha 0.01 cannot be reached"),
    "alpha is too high": ("alpha = 0.1", "alpha = 1", "alpha must lie in (0, 0.1] (got 1)"),
    "too many points": ("points = 20", "points = 100000", "query points in all views are wanted"),
    "epsilon is zero": ("epsilon = 0.3", "epsilon = 0.0", "'epsilon' of 'uap' must be in (0, 1)"),
    "epsilon is negative": ("epsilon = 0.3", "epsilon = -0.1", "'epsilon' of 'uap' must be in (0, 1)"),
    "epsilon is no number": ("epsilon = 0.3", "epsilon = nan", "'epsilon' of 'uap' must be in (0, 1)"),
    "epsilon in bytes": ("epsilon = 0.3", "epsilon = 8.0", "did you mean 8/255?"),
    "unknown parameter": ("epsilon = 0.3", "epsilom = 0.3", "'uap' has no parameter 'epsilom'"),
    "unknown scheme": ('scheme = "uap-contrastive"', 'scheme = "uap"', "unknown scheme 'uap'"),
}


def recipe_of(folder: Path, before: str, after: str) -> str:
    assert before in TINY
    (folder / "mine.toml").write_text(TINY.replace(before, after, 1))
    return str(folder / "mine.toml")


@pytest.mark.parametrize("fault", FAULTS)
def test_a_plan_says_why_nobody_can_be_enrolled(fault, tmp_path, capfd):
    before, after, words = FAULTS[fault]
    recipe = recipe_of(tmp_path, before, after)
    assert run(["zoo", "plan", recipe, "--json"]) == 0
    assert words in json.loads(capfd.readouterr().out)["refused_by_enroll"]


def test_a_plan_says_it_to_people_too(tmp_path, capfd):
    assert run(["zoo", "plan", recipe_of(tmp_path, "alpha = 0.1", "alpha = 0.01")]) == 0
    assert capfd.readouterr().out.splitlines()[-1].startswith(f"These models can be built, but {WORDS} the recipe: ")


def test_a_build_says_so_before_it_begins(tmp_path, tiny_store, monkeypatch, capfd):
    monkeypatch.setenv("FPFRAME_HOME", str(tiny_store))
    assert (
        run(["zoo", "build", recipe_of(tmp_path, "alpha = 0.1", "alpha = 0.01"), "--splits", "fit", "calibrate"]) == 0
    )
    assert capfd.readouterr().err.startswith(f"fpframe: warning: {WORDS} this recipe: alpha 0.01 cannot be reached")


@pytest.mark.parametrize("splits", [(), ("fit",)], ids=["a sound recipe", "one split of an unsound one"])
def test_nothing_is_said_without_a_reason(splits, tmp_path, capfd):
    recipe = recipe_of(tmp_path, "alpha = 0.1", "alpha = 0.01") if splits else "tiny"
    assert run(["zoo", "plan", recipe, *(["--splits", *splits] if splits else [])]) == 0
    assert WORDS not in capfd.readouterr().out
