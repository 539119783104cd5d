"""The names of `fpframe`: what they import, and how long former ones last."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version

import pytest

import fpframe


def run(code):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_no_module_of_the_framework_imports_a_plugin():
    run(
        "import sys, pkgutil, importlib, fpframe\n"
        "names = [m.name for m in pkgutil.walk_packages(fpframe.__path__, 'fpframe.') if '__main__' not in m.name]\n"
        "assert len(names) > 40, names\n"
        "for name in names: importlib.import_module(name)\n"
        "wrong = [m for m in sys.modules if m.split('.')[0] in ('fpframe_plugins', 'timm')]\n"
        "assert not wrong, wrong\n"
    )


def test_import_fpframe_imports_neither_torch_nor_timm():
    run(
        "import sys, fpframe\n"
        "assert not {'torch', 'timm', 'numpy', 'torchvision', 'sklearn'} & set(sys.modules)\n"
        "fpframe.UsageError\n"
        "assert 'torch' not in sys.modules\n"
    )


def test_exported_names_are_sorted_and_each_resolves():
    assert fpframe.__all__ == sorted(fpframe.__all__)
    assert dir(fpframe) == sorted(fpframe.__all__)
    for name in fpframe.__all__:
        assert callable(getattr(fpframe, name)) or name == "PLUGIN_API", name
    with pytest.raises(AttributeError, match="module 'fpframe' has no attribute 'Fingerprint'"):
        fpframe.Fingerprint  # noqa: B018


def test_a_former_name_works_for_a_release_and_warns_where_it_is_used(monkeypatch):
    monkeypatch.setitem(fpframe._DEPRECATED, "Fingerprinter", ("Encoder", "0.3"))
    with pytest.warns(
        fpframe.FpframeDeprecationWarning, match=r"Fingerprinter is removed in 0.3; use fpframe.Encoder"
    ) as seen:
        assert fpframe.Fingerprinter is fpframe.Encoder
    assert seen[0].filename == __file__


def test_extract_is_the_former_name_of_ask():
    with pytest.warns(fpframe.FpframeDeprecationWarning, match=r"extract is removed in 0.3; use fpframe.ask"):
        assert fpframe.extract is fpframe.ask


def test_no_former_name_outlives_the_release_that_removes_it():
    installed = tuple(map(int, version("fpframe").split(".")[:2]))
    overdue = {
        name for name, (_, release) in fpframe._DEPRECATED.items() if tuple(map(int, release.split("."))) <= installed
    }
    assert overdue == set()
    assert not set(fpframe._DEPRECATED) & set(fpframe.__all__)
