"""Plugins take from fpframe what is promised to them, and the page on these names lists all of it.

``python tests/core/testing/test_kit_imports.py`` writes the page's tables anew.
"""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from core.testing.unpromised_plugin import Trusting
from fpframe.interfaces.component import Component
from fpframe.testing.imports import unpromised, unpromised_in
from fpframe.testing.promised import PROMISED
from kit import require_fault_alone

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs/reference/plugin-names.md"
MARK = "<!-- every promised name, from fpframe.testing.promised -->\n"

BROKEN: dict[str, Component] = {"imports_only_what_is_promised": Trusting()}


def test_a_plugin_that_takes_more_than_is_promised_fails_that_check_alone() -> None:
    words = "it takes names from fpframe that may change in any release: unpromised_plugin.py, line 11: "
    for check, component in BROKEN.items():
        require_fault_alone(component, check, f"{words}fpframe.models.queryset.grid_steps; use what the page")


@pytest.mark.parametrize(
    ("code", "taken"),
    [
        ("import fpframe\nfpframe.enroll()\nfpframe.PLUGIN_API", []),
        ("from fpframe import Query, UsageError", []),
        ("from fpframe.rng import isolated\nimport fpframe.parameters", []),
        ("from fpframe.testing import check_component", []),
        ("import fpframe.opening\nfpframe.opening.normaliser.forward", []),
        ("from fpframeless import zoo\nfrom . import zoo", []),
        ("from fpframe.models import Query", ["line 1: fpframe.models.Query (use fpframe.Query)"]),
        ("from fpframe import zoo, zebra", ["line 1: fpframe.zebra", "line 1: fpframe.zoo"]),
        ("def f():\n    import fpframe.zoo.make", ["line 2: fpframe.zoo.make"]),
        ("import fpframe\nfpframe.rng.turns.Turns()", ["line 2: fpframe.rng.turns", "line 2: fpframe.rng.turns.Turns"]),
        ("from fpframe.testing.bench import Bench", ["line 1: fpframe.testing.bench.Bench"]),
        ("from fpframe.rng.limits import threads", ["line 1: fpframe.rng.limits.threads"]),
        ("import fpframe.inprocess", ["line 1: fpframe.inprocess"]),
        ("from fpframe.zoo import *", ["line 1: fpframe.zoo.*"]),
    ],
)
def test_what_a_file_takes_without_a_promise_is_told_with_its_line(tmp_path: Path, code: str, taken: list[str]) -> None:
    file = tmp_path / "plugin.py"
    file.write_text(code)
    assert list(unpromised(file)) == [f"plugin.py, {line}" for line in taken]


def test_modules_of_the_plugins_own_package_are_looked_at_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "deep_plugin"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "outside.py").write_text("from deep_plugin import inside\nimport json\n")
    (package / "inside.py").write_text("from deep_plugin.outside import json\nfrom fpframe.zoo import Zoo\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert unpromised_in("deep_plugin.outside") == ["inside.py, line 2: fpframe.zoo.Zoo (use fpframe.Zoo)"]


@pytest.mark.parametrize("folder", ["plugins", "docs/examples"])
def test_built_ins_and_the_example_take_what_a_stranger_may_take(folder: str) -> None:
    files = [file for file in (ROOT / folder).rglob("*.py") if file.parent.name != "tests"]
    assert files
    assert [line for file in files for line in unpromised(file)] == []


@pytest.mark.parametrize("module", PROMISED)
def test_every_promised_name_is_there(module: str) -> None:
    found = importlib.import_module(module)
    assert [name for name in PROMISED[module] if not hasattr(found, name)] == []


def tables() -> str:
    """Return the promised names as Markdown, by module."""
    return "".join(
        f"\n## `{module}`\n\n| Name | What it is for |\n|---|---|\n"
        + "".join(f"| `{name}` | {text} |\n" for name, text in names.items())
        for module, names in PROMISED.items()
    )


def test_the_page_lists_every_promised_name() -> None:
    assert PAGE.read_text(encoding="utf-8").partition(MARK)[2] == tables()


if __name__ == "__main__":
    PAGE.write_text(PAGE.read_text(encoding="utf-8").partition(MARK)[0] + MARK + tables(), encoding="utf-8")
