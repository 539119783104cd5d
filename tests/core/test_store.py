"""The store: what is read is what was written, or nothing."""

import errno
import os
import stat
from pathlib import Path

import pytest
import torch

from fpframe import ResourceError
from fpframe.digest import canonical_json, content_key, tensors_digest
from fpframe.store import Store, dump, write_durably

KEY, OTHER = "ab" + "0" * 62, "ab" + "1" * 62
TENSORS = {"weight": torch.arange(6.0).reshape(2, 3), "count": torch.tensor(7), "half": torch.ones(2).bfloat16()}
FACTS = {"accuracy": 0.5, "lineage": "train[paper:arc-a]"}


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path)


@pytest.fixture
def saved(store):
    store.save(KEY, TENSORS, FACTS, sidecar={"seconds": 1.5})
    return store


def names(store):
    return sorted(path.name for path in store.root.rglob("*") if path.is_file())


def same(entry):
    return (
        entry.facts == FACTS
        and entry.tensors.keys() == TENSORS.keys()
        and all(torch.equal(entry.tensors[name], value) for name, value in TENSORS.items())
        and all(entry.tensors[name].dtype == value.dtype for name, value in TENSORS.items())
    )


# --- round trip


def test_an_entry_is_read_as_it_was_written(saved):
    assert saved.has(KEY)
    assert same(saved.load(KEY))
    assert saved.sidecar(KEY) == {"seconds": 1.5}


def test_there_is_nothing_under_a_key_that_was_never_saved(saved):
    assert (saved.has(OTHER), saved.load(OTHER), saved.sidecar(OTHER)) == (False, None, {})


def test_equal_content_gives_equal_bytes_whatever_the_order_and_the_run(saved, tmp_path):
    other = Store(tmp_path / "other")
    reordered = dict(reversed([(name, value.clone()) for name, value in TENSORS.items()]))
    other.save(KEY, reordered, dict(reversed(FACTS.items())), sidecar={"seconds": 99.0})
    assert other.path(KEY).read_bytes() == saved.path(KEY).read_bytes()


def test_tensors_that_share_memory_or_lie_in_strides_are_stored_by_value(store):
    base = torch.arange(6.0).reshape(2, 3)
    store.save(KEY, {"a": base, "b": base, "c": base.T, "d": base[:, 1]}, {}, sidecar={})
    read = store.load(KEY).tensors
    assert torch.equal(read["a"], read["b"])
    assert torch.equal(read["c"], base.T)
    assert torch.equal(read["d"], torch.tensor([1.0, 4.0]))


# --- damage


def test_no_flipped_byte_changes_what_is_read(saved):
    path = saved.path(KEY)
    content = path.read_bytes()
    refused = 0
    for position in range(len(content)):
        flipped = bytearray(content)
        flipped[position] ^= 1
        path.write_bytes(flipped)
        entry = saved.load(KEY)
        refused += entry is None
        assert entry is None or same(entry), f"byte {position} changed what is read"
    assert refused > 0.95 * len(content)


def test_a_damaged_entry_is_set_aside_and_can_be_saved_again(saved):
    path = saved.path(KEY)
    flipped = bytearray(path.read_bytes())
    flipped[-1] ^= 255
    path.write_bytes(flipped)
    assert saved.load(KEY) is None
    assert not saved.has(KEY)
    assert path.with_suffix(".damaged").read_bytes() == flipped
    saved.save(KEY, TENSORS, FACTS, sidecar={})
    assert same(saved.load(KEY))


@pytest.mark.parametrize("kept", [0, 7, 8, 100, -1])
def test_a_truncated_entry_is_set_aside(saved, kept):
    path = saved.path(KEY)
    path.write_bytes(path.read_bytes()[:kept])
    assert saved.load(KEY) is None
    assert path.with_suffix(".damaged").exists()


def test_an_entry_under_the_key_of_another_is_refused(saved):
    saved.path(OTHER).write_bytes(saved.path(KEY).read_bytes())
    assert saved.load(OTHER) is None
    assert same(saved.load(KEY))


def test_a_file_of_weights_that_is_no_entry_is_refused(store):
    write_durably(store.path(KEY), dump(TENSORS, FACTS))
    assert store.load(KEY) is None


def test_an_entry_that_cannot_be_read_is_not_called_damaged(saved, monkeypatch):
    def fail(self):
        raise OSError(errno.EMFILE, "Too many open files")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "read_bytes", fail)
        with pytest.raises(ResourceError, match="cannot read: Too many open files"):
            saved.load(KEY)
    assert same(saved.load(KEY))


def test_a_sidecar_that_is_damaged_counts_as_absent(saved):
    saved.path(KEY).with_suffix(".json").write_text("{")
    assert saved.sidecar(KEY) == {}
    assert same(saved.load(KEY))


# --- writing


@pytest.mark.parametrize("broken", ["fsync", "replace"])
def test_a_failed_write_leaves_what_was_there_and_no_temporary_file(saved, monkeypatch, broken):
    before = names(saved)

    def fail(*args):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(*((os, "fsync") if broken == "fsync" else (Path, "replace")), fail)
        with pytest.raises(ResourceError, match=r"cannot write: No space left on device \(.*\); free space"):
            saved.save(KEY, {"weight": torch.zeros(1)}, {}, sidecar={})
    assert names(saved) == before
    assert same(saved.load(KEY))


def test_content_is_synced_before_the_rename_and_the_folder_after_it(tmp_path, monkeypatch):
    calls, sync, rename = [], os.fsync, Path.replace

    def recorded_sync(handle):
        calls.append("folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else "file")
        sync(handle)

    def recorded_rename(source, target):
        calls.append("rename")
        return rename(source, target)

    monkeypatch.setattr(os, "fsync", recorded_sync)
    monkeypatch.setattr(Path, "replace", recorded_rename)
    write_durably(tmp_path / "entry", b"content")
    assert calls == ["file", "rename", "folder"]
    assert (tmp_path / "entry").read_bytes() == b"content"


def test_an_interrupted_write_leaves_no_temporary_file(saved, monkeypatch):
    before = names(saved)

    def interrupt(*args):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", interrupt)
        with pytest.raises(KeyboardInterrupt):
            saved.save(OTHER, TENSORS, FACTS, sidecar={})
    assert names(saved) == before


def test_a_folder_that_is_a_file_is_a_resource_error(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ResourceError, match="cannot write"):
        write_durably(tmp_path / "file" / "entry", b"content")


# --- where it lies


def test_fpframe_home_goes_before_the_cache_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("FPFRAME_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert Store.default().root == tmp_path / "home"
    monkeypatch.delenv("FPFRAME_HOME")
    assert Store.default().root == tmp_path / "cache" / "fpframe"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert Store.default().root == tmp_path / ".cache" / "fpframe"


# --- digests


@pytest.mark.parametrize(
    "changed",
    [
        {"w": torch.zeros(2, 3, dtype=torch.int32)},  # the same bytes
        {"w": torch.zeros(3, 2)},
        {"w": torch.zeros(6)},
        {"v": torch.zeros(2, 3)},
        {"w": torch.tensor([[0.0, 0, 0], [0, 0, -0.0]])},
        {"w": torch.zeros(2, 3), "x": torch.zeros(0)},
    ],
)
def test_name_type_shape_and_every_bit_are_in_the_digest(changed):
    assert tensors_digest(changed) != tensors_digest({"w": torch.zeros(2, 3)})


def test_the_digest_does_not_depend_on_order_strides_or_gradients():
    values = torch.arange(6.0).reshape(2, 3)
    plain = {"a": values, "b": torch.ones(1)}
    other = {"b": torch.ones(1, requires_grad=True), "a": values.T.contiguous().T}
    assert tensors_digest(plain) == tensors_digest(other)


def test_canonical_json_is_the_same_for_the_same_value_and_refuses_nan():
    assert canonical_json({"b": [1, 2.5], "a": "ä"}) == '{"a":"ä","b":[1,2.5]}'
    assert content_key({"b": 1, "a": 2}) == content_key({"a": 2, "b": 1}) != content_key({"a": 1, "b": 2})
    with pytest.raises(ValueError, match="JSON compliant"):
        canonical_json(float("nan"))
