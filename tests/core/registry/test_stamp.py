"""Stamps: what was learned of plugins is forgotten when what it rests on changes."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

import fpframe.registry.stamp
from fpframe.registry.stamp import _JUDGES, _judges, interfaces_stamp, sources_stamp

SOURCES = Path(fpframe.registry.stamp.__file__).parents[1]


@pytest.fixture
def copied(tmp_path, monkeypatch):
    """A copy of fpframe's sources, which the stamp is made of."""
    for name in ("registry", "interfaces"):
        shutil.copytree(SOURCES / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(fpframe.registry.stamp, "__file__", str(tmp_path / "registry" / "stamp.py"))
    return tmp_path


def judges():
    """Return every file that plugins are judged by, relative to fpframe."""
    return [str(file.relative_to(SOURCES)) for file in _judges(SOURCES)]


@pytest.mark.parametrize("file", judges())
def test_a_change_of_a_file_that_plugins_are_judged_by_changes_the_stamp(copied, file):
    before = interfaces_stamp()
    assert interfaces_stamp() == before
    path = copied / file
    times = path.stat()
    path.write_text(path.read_text() + "\n# changed\n")
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))  # its size alone tells
    assert interfaces_stamp() != before


def test_a_new_interface_changes_the_stamp_and_other_files_do_not(copied):
    before = interfaces_stamp()
    (copied / "registry" / "table.py").write_text("")
    assert interfaces_stamp() == before
    (copied / "interfaces" / "ninth.py").write_text("")
    assert interfaces_stamp() != before


@pytest.mark.parametrize("pattern", _JUDGES)
def test_a_pattern_that_finds_nothing_is_an_error_and_not_the_digest_of_nothing(copied, pattern):
    for file in copied.glob(pattern):
        file.unlink()
    with pytest.raises(FileNotFoundError, match="plugins are judged by it"):
        interfaces_stamp()


def test_what_judges_plugins_is_among_the_files():
    wanted = {"registry/hookspecs.py", "registry/offers.py", "registry/signatures.py", "interfaces/component.py"}
    assert wanted <= set(judges())


def test_sources_are_looked_at_without_an_import(tmp_path, monkeypatch):
    package = tmp_path / "stamped"
    (package / "deep").mkdir(parents=True)
    (package / "__init__.py").write_text("raise AssertionError")
    (package / "deep" / "part.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    before = sources_stamp("stamped")
    (package / "deep" / "part.py").write_text("x = 1")
    assert sources_stamp("stamped") != before
    assert sources_stamp("no_such_package") == sources_stamp("no_such_package_either")
