"""The store: what is read is what was written, or nothing."""

import errno
import os
import stat
from pathlib import Path

import pytest
import torch

from fpframe import ResourceError
from fpframe.base.digest import canonical_json, content_key, tensors_digest
from fpframe.store.store import SCRATCH, Store, dump, write_durably

linux = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="the names of open folders are read from /proc")

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


def test_a_damaged_entry_that_cannot_be_set_aside_is_an_error(saved, monkeypatch):
    saved.path(KEY).write_bytes(b"")

    def fail(*args):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(ResourceError, match="cannot set a damaged entry aside: Permission denied"):
        saved.load(KEY)


# --- verify


def test_verify_finds_sound_entries_sound_and_changes_nothing(saved):
    saved.save(OTHER, TENSORS, {}, sidecar={})
    before = names(saved)
    found = saved.verify()
    assert [(entry.key, entry.sound, entry.path) for entry in found] == [
        (KEY, True, saved.path(KEY)),
        (OTHER, True, saved.path(OTHER)),
    ]
    assert [entry.bytes for entry in found] == [entry.path.stat().st_size for entry in found]
    assert names(saved) == before


def flip_last_byte(path):
    path.write_bytes(path.read_bytes()[:-1] + bytes([path.read_bytes()[-1] ^ 1]))


def truncate(path):
    path.write_bytes(path.read_bytes()[:-1])


def take_the_other_entry(path):
    path.write_bytes(Store(path.parents[2]).path(OTHER).read_bytes())


@pytest.mark.parametrize("damage", [flip_last_byte, truncate, take_the_other_entry])
def test_verify_sets_a_damaged_entry_aside(saved, damage):
    saved.save(OTHER, TENSORS, FACTS, sidecar={})
    damage(saved.path(KEY))
    [damaged, sound] = saved.verify()
    assert (damaged.key, damaged.sound, sound.key, sound.sound) == (KEY, False, OTHER, True)
    assert damaged.path == saved.path(KEY).with_suffix(".damaged")
    assert damaged.bytes == damaged.path.stat().st_size
    assert not saved.has(KEY)
    assert [entry.key for entry in saved.verify()] == [OTHER]


def test_verify_sets_aside_what_lies_in_the_folder_of_other_keys(saved):
    stray = saved.models / "cd" / saved.path(KEY).name
    stray.parent.mkdir()
    saved.path(KEY).rename(stray)
    [found] = saved.verify()
    assert (found.sound, found.path.exists(), stray.exists()) == (False, True, False)


def test_there_is_nothing_to_verify_in_a_store_that_was_never_used(tmp_path):
    assert Store(tmp_path / "none").verify() == []
    assert not (tmp_path / "none").exists()


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


@pytest.fixture
def calls(monkeypatch):
    """What is synced, renamed and made, in order, by name; the temporary file is called ``file``."""
    made, sync, rename, make = [], os.fsync, Path.replace, Path.mkdir

    def recorded_sync(handle):
        is_folder = stat.S_ISDIR(os.fstat(handle).st_mode)
        made.append(f"sync {Path(f'/proc/self/fd/{handle}').readlink().name if is_folder else 'file'}")
        sync(handle)

    def recorded_rename(source, target):
        made.append("rename")
        return rename(source, target)

    def recorded_make(folder, **options):
        made.append(f"make {folder.name}")
        make(folder, **options)

    monkeypatch.setattr(os, "fsync", recorded_sync)
    monkeypatch.setattr(Path, "replace", recorded_rename)
    monkeypatch.setattr(Path, "mkdir", recorded_make)
    return made


@linux
def test_content_is_synced_before_the_rename_and_the_folder_after_it(tmp_path, calls):
    write_durably(tmp_path / "entry", b"content")
    assert calls == ["sync file", "rename", f"sync {tmp_path.name}"]
    assert (tmp_path / "entry").read_bytes() == b"content"


@linux
def test_each_new_folder_is_synced_into_its_parent(tmp_path, calls):
    write_durably(tmp_path / "a" / "b" / "entry", b"content")
    assert calls == ["make a", "make b", "sync file", "rename", "sync b", "sync a", f"sync {tmp_path.name}"]


@pytest.fixture
def vanishing(tmp_path, monkeypatch):
    """Return a function that lets somebody remove the folder before the next so many writes into it."""
    folder, opened, removed = tmp_path / "folder", Path.open, []

    def begin(times):
        def open_too_late(path, *args, **options):
            if path.parent == folder and len(removed) < times:
                removed.append(path)
                folder.rmdir()  # between mkdir and open
            return opened(path, *args, **options)

        monkeypatch.setattr(Path, "open", open_too_late)
        return folder, removed

    return begin


def test_a_write_begins_anew_when_its_folder_goes_under_it(vanishing):
    folder, removed = vanishing(times=3)
    write_durably(folder / "entry", b"content")
    assert len(removed) == 3
    assert [path.name for path in folder.iterdir()] == ["entry"]


def test_a_folder_that_goes_while_it_is_looked_at_is_made_again(tmp_path, monkeypatch):
    make, raised = Path.mkdir, []

    def made_and_removed_by_others(folder, **options):
        if not raised:
            raised.append(folder)
            raise FileExistsError(errno.EEXIST, "File exists")
        make(folder, **options)

    monkeypatch.setattr(Path, "mkdir", made_and_removed_by_others)
    write_durably(tmp_path / "folder" / "entry", b"content")
    assert raised
    assert (tmp_path / "folder" / "entry").read_bytes() == b"content"


def test_a_folder_that_always_goes_ends_in_an_error(vanishing):
    folder, _ = vanishing(times=1000)
    with pytest.raises(ResourceError, match=r"cannot write: No such file or directory \(.*entry\)"):
        write_durably(folder / "entry", b"content")


def test_a_folder_that_cannot_be_synced_is_tolerated_and_one_that_fails_to_is_not(tmp_path, monkeypatch):
    sync = os.fsync

    def failing_with(code):
        def fail(handle):
            if stat.S_ISDIR(os.fstat(handle).st_mode):
                raise OSError(code, os.strerror(code))
            sync(handle)

        return fail

    monkeypatch.setattr(os, "fsync", failing_with(errno.EINVAL))
    write_durably(tmp_path / "entry", b"content")
    monkeypatch.setattr(os, "fsync", failing_with(errno.EIO))
    with pytest.raises(ResourceError, match="cannot write: Input/output error"):
        write_durably(tmp_path / "entry", b"content")


def test_a_write_that_the_system_stops_half_way_leaves_nothing(saved):
    resource = pytest.importorskip("resource", reason="limits of a process are a thing of Unix")
    before = names(saved)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
        with pytest.raises(ResourceError, match="cannot write: File too large"):
            saved.save(OTHER, {"weight": torch.zeros(100_000)}, FACTS, sidecar={})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert names(saved) == before
    assert same(saved.load(KEY))


def test_an_entry_is_there_before_its_sidecar(store, monkeypatch):
    seen, rename = [], Path.replace

    def recorded(source, target):
        seen.append(Path(target).suffix)
        return rename(source, target)

    monkeypatch.setattr(Path, "replace", recorded)
    store.save(KEY, TENSORS, FACTS, sidecar={})
    assert seen == [".safetensors", ".json"]


def test_a_file_is_readable_by_whom_the_umask_allows(tmp_path):
    before = os.umask(0o027)
    try:
        write_durably(tmp_path / "entry", b"content")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "entry").stat().st_mode) == 0o640


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


@pytest.mark.parametrize("content", [b"", b"short", b"\x02" + bytes(7) + b"[]"], ids=["empty", "short", "a list"])
def test_damage_is_set_aside_whether_it_is_read_or_mapped(content, saved):
    for read in (saved.load, saved.map):
        saved.save(KEY, TENSORS, FACTS, sidecar={})
        assert same(read(KEY))
        saved.path(KEY).write_bytes(content)
        assert read(KEY) is None
        assert not saved.has(KEY)


@pytest.fixture
def scratch(tmp_path, monkeypatch) -> Store:
    """A store on this machine, beside one that machines share."""
    monkeypatch.setenv(SCRATCH, str(tmp_path / "scratch"))
    return Store(tmp_path / "scratch")


def test_what_is_mapped_is_copied_to_this_machine_once(saved, scratch, monkeypatch):
    assert same(saved.map(KEY))
    assert scratch.path(KEY).read_bytes() == saved.path(KEY).read_bytes()
    monkeypatch.setattr(Path, "read_bytes", lambda path: pytest.fail(f"{path} is copied again"))
    assert same(saved.map(KEY))


def test_nothing_is_copied_that_is_not_there(saved, scratch):
    assert saved.map("f" * 64) is None
    assert not scratch.root.exists()


def test_a_damaged_copy_is_made_again(saved, scratch):
    saved.map(KEY)
    scratch.path(KEY).write_bytes(b"damaged")
    assert same(saved.map(KEY))
    assert scratch.path(KEY).read_bytes() == saved.path(KEY).read_bytes()


def test_a_copy_of_a_damaged_entry_is_not_taken(saved, scratch):
    saved.path(KEY).write_bytes(b"damaged")
    assert saved.map(KEY) is None
    assert not saved.has(KEY)
    assert not scratch.has(KEY)


@pytest.mark.parametrize("hindrance", ["a file", "a name that is too long"])
def test_where_nothing_can_be_copied_the_entry_itself_is_mapped(hindrance, saved, scratch, monkeypatch):
    if hindrance == "a file":
        scratch.root.write_text("in the way")
    else:
        monkeypatch.setenv(SCRATCH, str(scratch.root / ("x" * 300)))
    assert same(saved.map(KEY))
