"""What is refused as an output, so that nothing is overwritten by mistake."""

from __future__ import annotations

import pytest

from fpframe.errors import ResourceError, UsageError
from fpframe.store import Manifest, refuse_export, refuse_file, refuse_folder


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


@pytest.mark.parametrize("inner", ["", "new", "new/and/deeper"])
def test_nothing_is_written_into_an_enrolment(tmp_path, inner):
    sealed = tmp_path / "e"
    sealed.mkdir()
    (sealed / "manifest.json").write_bytes(Manifest.of({}, {"one.bin": b"1"}).to_bytes())
    (tmp_path / "link").symlink_to(sealed)
    for way in (sealed, tmp_path / "link", sealed / "x" / ".."):
        with pytest.raises(UsageError, match="would lie inside an enrolment"):
            refuse_file(way / inner / "report.html", force=True)
    if inner:
        for refuse in (refuse_folder, lambda path, force: refuse_export(path, "index.json", force=force)):
            with pytest.raises(UsageError, match="would lie inside an enrolment"):
                refuse(sealed / inner, force=True)
    refuse_folder(tmp_path / "beside", force=False)


def test_a_place_that_cannot_be_written_to_is_found_out_at_once(tmp_path):
    (tmp_path / "file").touch()
    for place in (tmp_path / "file" / "folder", "/proc/folder"):
        with pytest.raises(ResourceError, match="the output cannot be written"):
            refuse_file(tmp_path / place / "report.html", force=False)
    refuse_file(tmp_path / "new" / "report.html", force=False)
    assert not (tmp_path / "new").exists()
