"""Sealed folders: written whole or not at all, read with every digest checked, and closed to what lies outside."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from fpframe.errors import IntegrityError, ResourceError, UsageError
from fpframe.store import sealed
from fpframe.store.sealed import (
    MANIFEST,
    Manifest,
    SealedKind,
    read_manifest,
    read_members,
    refuse_existing,
    write_sealed,
)

BOX = SealedKind(noun="box", article="a", make="make one with 'box'", always=frozenset({"lid"}))
ABOUT = {"lid": "blue", "made": "on Monday"}
MEMBERS = {"one.bin": b"1" * 100, "two.json": b"{}"}


@pytest.fixture
def box(tmp_path) -> Path:
    write_sealed(BOX, tmp_path / "my.box", ABOUT, MEMBERS, force=False)
    return tmp_path / "my.box"


def read(path: Path) -> dict[str, bytes]:
    return read_members(BOX, path, read_manifest(BOX, path))


def edit(path: Path, change) -> None:
    """Change the manifest of a folder, as somebody does who wants it to be believed."""
    manifest = read_manifest(BOX, path)
    said = {**manifest.about, "members": dict(manifest.members), "sizes": dict(manifest.sizes or {})}
    change(said)
    members, sizes = said.pop("members"), said.pop("sizes")
    sizes = {name: sizes.get(name, 100) for name in members}
    (path / MANIFEST).write_bytes(Manifest(about=said, members=members, sizes=sizes).to_bytes())


def test_what_was_written_is_read_and_nothing_lies_beside_it(box):
    assert read(box) == MEMBERS
    assert read_manifest(BOX, box).about == ABOUT
    assert [path.name for path in box.parent.iterdir()] == ["my.box"]


def test_the_digest_is_of_all_members_and_of_all_that_is_said_but_what_it_leaves_out():
    digest = Manifest.of(ABOUT, MEMBERS).digest(without="made")
    assert Manifest.of({**ABOUT, "made": "on Tuesday"}, MEMBERS).digest(without="made") == digest
    assert Manifest.of({**ABOUT, "lid": "red"}, MEMBERS).digest(without="made") != digest
    assert Manifest.of(ABOUT, {**MEMBERS, "two.json": b"[]"}).digest(without="made") != digest


@pytest.mark.parametrize("member", MEMBERS)
def test_a_member_that_was_changed_or_is_missing_is_found(box, member):
    content = (box / member).read_bytes()
    (box / member).write_bytes(content[:-1] + b"x")
    with pytest.raises(IntegrityError, match=rf"a member of the box was changed \(.*{member}\)"):
        read(box)
    (box / member).unlink()
    with pytest.raises(IntegrityError, match=rf"a member of the box is missing \(.*{member}\)"):
        read(box)


def test_a_member_is_read_no_further_than_the_manifest_says(box):
    with (box / "one.bin").open("r+b") as file:
        file.truncate(2**40)  # a hole, which takes no room on the disk
    with pytest.raises(IntegrityError, match=r"cannot be read: it is larger than 100 bytes \(.*one\.bin\)"):
        read(box)


def test_members_that_are_said_to_have_more_bytes_than_anybody_reads_are_not_opened(box):
    edit(box, lambda said: said["sizes"].update({"one.bin": 2**40}))
    (box / "one.bin").unlink()
    with pytest.raises(IntegrityError, match=r"are said to have 1099511627778 bytes, and \d+ are read at most"):
        read(box)


@pytest.mark.parametrize("size", [-1, 1.5, "100", True, None])
def test_a_size_is_a_whole_number_of_bytes(box, size):
    edit(box, lambda said: said["sizes"].update({"one.bin": size}))
    with pytest.raises(IntegrityError, match="does not say how many bytes each member has"):
        read(box)


@pytest.mark.parametrize("name", ["extra.py", ".hidden", "folder"])
def test_whatever_else_lies_in_the_folder_is_found(box, name):
    (box / name).mkdir() if name == "folder" else (box / name).touch()
    with pytest.raises(IntegrityError, match=f"'{name}' is not one of the box's members"):
        read(box)


@pytest.mark.parametrize(
    "name",
    [
        "../outside",
        "sub/../../outside",
        "sub/outside",
        "sub/..",
        "..",
        ".",
        "",
        "/ABSOLUTE/outside",
        "..\\outside",
        "sub\\outside",
        "c:outside",
        "./one.bin",
        ".hidden",
        "one.bin ",
        "one\x00bin",
        "ONE.bin",
        "manifest.json",
        "x" * 300,
    ],
)
def test_a_member_elsewhere_is_refused_though_it_exists_and_has_the_digest_that_the_manifest_says(box, name):
    secret = b"of the reader, and not of whoever sent the folder"
    (box / "sub").mkdir()
    for place in (box.parent / "outside", box / "sub" / "outside", box / ".hidden", box / "one.bin "):
        place.write_bytes(secret)
    for place in ("..\\outside", "sub\\outside", "c:outside"):  # plain names here, and ways out elsewhere
        (box / place).write_bytes(secret)
    name = name.replace("/ABSOLUTE", str(box.parent))
    edit(box, lambda said: said["members"].update({name: hashlib.sha256(secret).hexdigest()}))
    with pytest.raises(IntegrityError, match=r"manifest is damaged: .* is not the name of a member"):
        read_manifest(BOX, box)


def test_no_member_is_written_under_such_a_name(tmp_path):
    with pytest.raises(ValueError, match="is not the name of a member"):
        write_sealed(BOX, tmp_path / "my.box", ABOUT, {"../outside": b""}, force=False)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("target", ["../outside", "two.json"])
def test_a_link_is_no_member_though_what_it_points_to_has_the_digest(box, target):
    (box.parent / "outside").write_bytes(MEMBERS["one.bin"])
    (box / "one.bin").unlink()
    (box / "one.bin").symlink_to(target)
    digest = hashlib.sha256((box / "one.bin").read_bytes()).hexdigest()
    edit(box, lambda said: said["members"].update({"one.bin": digest}))
    with pytest.raises(IntegrityError, match=r"cannot be read: it is a link.*one\.bin"):
        read(box)


def test_a_pipe_is_no_member_and_nobody_waits_for_it(box):
    (box / "one.bin").unlink()
    os.mkfifo(box / "one.bin")
    with pytest.raises(IntegrityError, match=r"cannot be read: it is a link, a folder or a device.*one\.bin"):
        read(box)


@pytest.mark.parametrize("name", [MANIFEST, "one.bin"])
def test_what_may_not_be_read_is_not_called_missing(box, monkeypatch, name):
    before = os.open

    def refuse(path, *options):
        if Path(path).name == name:
            raise PermissionError(13, "Permission denied", str(path))
        return before(path, *options)

    monkeypatch.setattr("fpframe.base.reading.os.open", refuse)
    with pytest.raises(IntegrityError, match=rf"cannot be read: it may not be read by this user \(.*{name}\)"):
        read(box)


def test_a_folder_that_may_not_be_looked_into_is_not_called_missing(box, monkeypatch):
    def refuse(path, **_):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "stat", refuse)
    with pytest.raises(IntegrityError, match="the box cannot be read: it may not be read by this user"):
        read_manifest(BOX, box)


@pytest.mark.parametrize(
    "change", [lambda c: c + b" ", lambda c: c.replace(b":", b": ", 1), lambda c: b"\xef\xbb\xbf" + c]
)
def test_a_manifest_is_written_in_one_way_only(box, change):
    content = (box / MANIFEST).read_bytes()
    (box / MANIFEST).write_bytes(change(content))
    with pytest.raises(IntegrityError, match="the manifest is damaged"):
        read_manifest(BOX, box)


def test_a_manifest_finds_damage_to_what_no_other_digest_covers(box):
    content = (box / MANIFEST).read_bytes()
    (box / MANIFEST).write_bytes(content.replace(b"on Monday", b"on Sunday"))
    with pytest.raises(IntegrityError, match="it was changed, and is not what its own SHA-256 says"):
        read_manifest(BOX, box)


def test_a_folder_may_itself_be_a_link(box):
    (box.parent / "link.box").symlink_to(box)
    assert read(box.parent / "link.box") == MEMBERS


def test_a_manifest_that_is_a_link_or_a_pipe_is_refused(box):
    (box / MANIFEST).rename(box.parent / "outside")
    (box / MANIFEST).symlink_to(box.parent / "outside")
    with pytest.raises(IntegrityError, match="the manifest cannot be read: it is a link"):
        read_manifest(BOX, box)
    (box / MANIFEST).unlink()
    os.mkfifo(box / MANIFEST)
    with pytest.raises(UsageError, match=f"not a box, it has no {MANIFEST}"):
        read_manifest(BOX, box)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "Expecting property name"),
        ("[]", "it is not an object"),
        ("{}", "it lists no members"),
        ('{"members": []}', "it lists no members"),
        ('{"members": {"one.bin": "12"}}', r"member 'one.bin' has no SHA-256"),
        ('{"members": {"one.bin": null}}', r"member 'one.bin' has no SHA-256"),
        ('{"members": {}, "members": {}}', "'members' occurs twice"),
        ('{"members": {}, "lid": NaN}', "NaN is not a number"),
    ],
)
def test_a_damaged_manifest_says_what_is_wrong(box, content, message):
    (box / MANIFEST).write_text(content)
    with pytest.raises(IntegrityError, match=f"the manifest is damaged: .*{message}"):
        read_manifest(BOX, box)


def test_a_folder_that_is_not_there_or_is_something_else_is_named_with_what_to_do(tmp_path):
    with pytest.raises(UsageError, match=r"no such box \(.*nowhere\); make one with 'box'"):
        read_manifest(BOX, tmp_path / "nowhere")
    with pytest.raises(UsageError, match=f"not a box, it has no {MANIFEST}"):
        read_manifest(BOX, tmp_path)


def test_only_force_overwrites_and_only_a_folder_of_the_kind(box, tmp_path):
    with pytest.raises(UsageError, match="exists already"):
        write_sealed(BOX, box, ABOUT, {"three": b"3"}, force=False)
    write_sealed(BOX, box, ABOUT, {"three": b"3"}, force=True)
    assert read(box) == {"three": b"3"}
    can = SealedKind(noun="can", article="a", make="make one", always=frozenset({"label"}))
    with pytest.raises(UsageError, match=r"exists and is not a can .*; --force overwrites cans only"):
        refuse_existing(can, box, force=True)
    (box / "thesis.tex").touch()
    with pytest.raises(UsageError, match="exists and is not a box"):
        refuse_existing(BOX, box, force=True)
    (tmp_path / "empty").mkdir()
    refuse_existing(BOX, tmp_path / "empty", force=True)


def test_a_write_that_fails_leaves_what_was_there(box, monkeypatch):
    written = []

    def full(path: Path, content: bytes) -> None:
        if written:
            raise OSError(28, "No space left on device")
        written.append(path)
        path.parent.mkdir(parents=True)
        path.write_bytes(content)

    monkeypatch.setattr(sealed, "write_durably", full)
    with pytest.raises(ResourceError, match="cannot write the box: No space left on device"):
        write_sealed(BOX, box, ABOUT, {"three": b"3", "four": b"4"}, force=True)
    assert read(box) == MEMBERS
    assert [path.name for path in box.parent.iterdir()] == ["my.box"]
