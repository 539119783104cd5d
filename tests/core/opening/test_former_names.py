"""Modules by their former names work as before, and warn."""

from __future__ import annotations

import importlib
import sys
import warnings

import pytest

import fpframe
from fpframe import opening

FORMER = {
    "fpframe.inprocess": (
        "function_query",
        "module_query",
        "normaliser",
        "open_device",
        "open_query",
        "refuse_backbone",
    ),
    "fpframe.modelfiles": ("as_input", "check_input", "existing_file", "file_digest", "has_suffix", "in_chunks"),
}


@pytest.mark.parametrize("module", FORMER)
def test_a_former_module_warns_and_has_what_the_new_one_has(module, monkeypatch):
    monkeypatch.delitem(sys.modules, module, raising=False)
    with pytest.warns(
        fpframe.FpframeDeprecationWarning, match=rf"{module} is removed in release 2; use fpframe\.opening"
    ):
        former = importlib.import_module(module)
    for name in FORMER[module]:
        assert getattr(former, name) is getattr(opening, name)


@pytest.mark.parametrize("module", FORMER)
def test_the_warning_names_the_line_that_imports_the_former_module(module, tmp_path, monkeypatch):
    (tmp_path / "old_plugin.py").write_text(f"import json\nimport {module}\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, module, raising=False)
    monkeypatch.delitem(sys.modules, "old_plugin", raising=False)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        importlib.import_module("old_plugin")
    [(file, line)] = [
        (warning.filename, warning.lineno)
        for warning in caught
        if issubclass(warning.category, fpframe.FpframeDeprecationWarning)
    ]
    assert (file, line) == (str(tmp_path / "old_plugin.py"), 2)
