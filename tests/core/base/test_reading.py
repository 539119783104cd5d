"""Files that somebody else made are read once, only where they are files, and never without an end."""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest

from arrayfiles import archive, declared
from fpframe.base import mistaken_for, read_array, read_arrays, read_file, why_unread


def packed(**arrays: np.ndarray) -> bytes:
    content = io.BytesIO()
    np.savez_compressed(content, **arrays)
    return content.getvalue()


def test_a_file_or_a_link_to_one_is_read(tmp_path):
    (tmp_path / "file").write_bytes(b"12345")
    (tmp_path / "link").symlink_to("file")
    assert read_file(tmp_path / "file", most=5) == read_file(tmp_path / "link") == b"12345"


@pytest.mark.parametrize("kind", ["folder", "pipe", "endless device", "link", "dangling link", "loop"])
def test_what_is_not_a_file_is_refused_at_once(tmp_path, kind):
    path = tmp_path / "member"
    (tmp_path / "file").write_bytes(b"1")
    match kind:
        case "folder":
            path.mkdir()
        case "pipe":
            os.mkfifo(path)
        case "endless device":
            path = Path("/dev/zero")
        case _:
            path.symlink_to({"link": "file", "dangling link": "nothing", "loop": "member"}[kind])
    with pytest.raises(OSError, match="it is a link, a folder or a device, not a regular file"):
        read_file(path, follow=False)


def test_a_file_that_is_larger_than_it_may_be_is_not_read(tmp_path):
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(2**40)
    with pytest.raises(OSError, match="it is larger than 8192 MiB"):
        read_file(tmp_path / "sparse")
    (tmp_path / "file").write_bytes(b"123456")
    with pytest.raises(OSError, match="it is larger than 5 bytes"):
        read_file(tmp_path / "file", most=5)


def test_a_file_whose_size_is_a_lie_has_an_end_too():
    with pytest.raises(OSError, match="it is larger than 10 bytes"):
        read_file("/proc/self/maps", most=10)  # its size is 0 to whoever asks


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (PermissionError(13, "Permission denied"), "it may not be read by this user"),
        (FileNotFoundError(2, "No such file"), "No such file"),
        (OSError(5, "Input/output error"), "Input/output error"),
        (ValueError("embedded null byte"), "embedded null byte"),
    ],
)
def test_why_it_was_not_read_is_said_in_words(error, said):
    assert why_unread(error) == said


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n", "Git LFS pointer"),
        (b"\xef\xbb\xbf\n<!DOCTYPE html><title>404", "HTML page"),
        (b"<html lang='en'>", "HTML page"),
        (b"PK\x03\x04", ""),
        (b"", ""),
    ],
)
def test_what_is_mistaken_for_a_model_is_recognised(content, said):
    assert said in mistaken_for(content)
    assert bool(mistaken_for(content)) == bool(said)


@pytest.mark.parametrize(
    "array",
    [np.arange(6).reshape(2, 3), np.asfortranarray(np.eye(3)), np.array("text"), np.zeros((0, 4)), np.array(["a", ""])],
    ids=["numbers", "by columns", "text", "nothing", "texts"],
)
def test_arrays_are_read_as_numpy_reads_them(tmp_path, array):
    np.save(tmp_path / "one.npy", array)
    (tmp_path / "some.npz").write_bytes(packed(one=array, other=np.ones(2)))
    for read in (read_array(tmp_path / "one.npy"), read_arrays(tmp_path / "some.npz")["one"]):
        assert read.dtype == array.dtype
        assert np.array_equal(read, array)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (declared("(100000000000000,)", numbers=bytes(16)), "where its shape"),
        (declared("(-1, -2)", numbers=bytes(16)), "where its shape"),
        (declared("(0, 1" + "0" * 30 + ")", numbers=bytes(16)), "where its shape"),
        (declared("(2,)", "|O", numbers=bytes(16)), "Python objects"),
        (declared("(" * 90, numbers=bytes(16)), "before its numbers cannot be read"),
        (b"\x93NUMPY\x09\x00", "version"),
        (b"", "reading magic string"),
        (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS"),
    ],
)
def test_an_array_that_is_not_what_it_says_is_refused(tmp_path, content, message):
    (tmp_path / "one.npy").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        read_array(tmp_path / "one.npy")
    (tmp_path / "some.npz").write_bytes(archive(one=content) if not content.startswith(b"version") else content)
    with pytest.raises(ValueError, match=message):
        read_arrays(tmp_path / "some.npz")


def test_an_archive_is_unpacked_no_further_than_it_may_be(tmp_path):
    (tmp_path / "bomb.npz").write_bytes(packed(answers=np.zeros(10**7)))
    assert (tmp_path / "bomb.npz").stat().st_size < 10**5
    with pytest.raises(ValueError, match="80000128 bytes unpacked, where at most 1000000 are needed"):
        read_arrays(tmp_path / "bomb.npz", most=10**6)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_an_archive_holds_each_name_once(tmp_path):
    with zipfile.ZipFile(tmp_path / "two.npz", "w") as file:
        for _ in range(2):
            file.writestr("answers.npy", declared("(2,)", numbers=bytes(16)))
    with pytest.raises(ValueError, match="two arrays of one name"):
        read_arrays(tmp_path / "two.npz")


@pytest.mark.parametrize("content", [b"PK\x03\x04 cut", b"not an archive", packed(a=np.ones(99))[:-30]])
def test_an_archive_that_is_cut_is_refused(tmp_path, content):
    (tmp_path / "cut.npz").write_bytes(content)
    with pytest.raises(ValueError, match="it is not a whole archive"):
        read_arrays(tmp_path / "cut.npz")
