"""What is imported before anything is asked for; the times that follow from it stand in docs/performance.md."""

from __future__ import annotations

import subprocess
import sys

import pytest

#: Each takes longer to import than all of fpframe's command line.
HEAVY = {"torch", "torchvision", "timm", "sklearn", "scipy", "matplotlib", "numpy", "onnxruntime", "ray"}
#: What only commands need.
COMMANDS = {"attr", "attrs", "cattrs", "cyclopts", "jinja2", "pluggy", "rich"}


def imported_by(code: str) -> set[str]:
    """Return the top-level modules that a new interpreter has after running `code`."""
    report = "print(*{name.partition('.')[0] for name in sys.modules}, file=sys.stderr)"
    script = f"import sys\ntry:\n    {code}\nfinally:\n    {report}"
    ended = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    return set(ended.stderr.split())


def test_importing_fpframe_imports_nothing_heavy_and_no_command_line():
    modules = imported_by("import fpframe")
    assert "fpframe" in modules
    assert modules & (HEAVY | COMMANDS) == set()


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_help_and_version_import_nothing_heavy(option):
    modules = imported_by(f"from fpframe.cli import main; main(['{option}'])")
    assert "cyclopts" in modules
    assert modules & HEAVY == set()


def test_a_name_that_needs_torch_imports_it_when_it_is_used():
    assert "torch" in imported_by("import fpframe; fpframe.Classifier")
