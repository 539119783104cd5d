"""What is refused as an output, so that nothing is overwritten by mistake."""

from __future__ import annotations

import pytest

from fpframe.errors import UsageError
from fpframe.store import refuse_export, refuse_file, refuse_folder


def test_a_file_that_exists_is_overwritten_only_by_force(tmp_path):
    file = tmp_path / "answers.npz"
    refuse_file(file, force=False)
    file.touch()
    refuse_file(file, force=True)
    with pytest.raises(UsageError, match=r"output exists already \(.*answers\.npz\); name another file"):
        refuse_file(file, force=False)


def test_a_folder_never_becomes_a_file_nor_a_file_a_folder(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="output is a folder"):
        refuse_file(tmp_path, force=True)
    with pytest.raises(UsageError, match="output is a file"):
        refuse_folder(tmp_path / "file", force=True)
    with pytest.raises(UsageError, match="output exists already"):
        refuse_export(tmp_path / "file", "index.json", force=True)


def test_a_folder_that_holds_something_is_written_into_only_by_force(tmp_path):
    refuse_folder(tmp_path / "new", force=False)
    refuse_folder(tmp_path, force=False)
    (tmp_path / "table.md").touch()
    refuse_folder(tmp_path, force=True)
    with pytest.raises(UsageError, match="output folder exists already"):
        refuse_folder(tmp_path, force=False)


def test_an_export_is_overwritten_only_by_force_and_nothing_else_is(tmp_path):
    refuse_export(tmp_path, "index.json", force=False)
    (tmp_path / "holiday.png").touch()
    with pytest.raises(UsageError, match="overwrite an export with --force"):
        refuse_export(tmp_path, "index.json", force=True)
    (tmp_path / "index.json").touch()
    refuse_export(tmp_path, "index.json", force=True)
    with pytest.raises(UsageError, match="overwrite an export with --force"):
        refuse_export(tmp_path, "index.json", force=False)
