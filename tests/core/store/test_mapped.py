"""Bytes in mapped files: made once, found by what decides them, and never taken for whole when they are not."""

import gc
import pickle

import numpy as np
import pytest

from fpframe import ResourceError
from fpframe.store import Store, mapped_meanwhile, mapped_once, mapping_into


@pytest.fixture
def store(tmp_path):
    place = Store(tmp_path / "store")
    with mapping_into(place):
        yield place


class Filling:
    """Writes a row of numbers, and counts how often."""

    def __init__(self):
        self.times = 0

    def __call__(self, array):
        self.times += 1
        array[:] = np.arange(array.size, dtype=np.uint8).reshape(array.shape)
        return ["told"]


def test_bytes_are_made_once_and_found_again(store):
    fill = Filling()
    first, told = mapped_once(["a"], (2, 3), fill)
    second, again = mapped_once(["a"], (2, 3), fill)
    assert fill.times == 1
    assert told == again == ["told"]
    assert np.array_equal(first.array, second.array)
    assert second.array.tolist() == [[0, 1, 2], [3, 4, 5]]
    assert second.path.is_relative_to(store.images)


def test_another_identity_or_shape_is_made_anew(store):
    fill = Filling()
    paths = {mapped_once(identity, shape, fill)[0].path for identity in ("a", "b") for shape in ((6,), (2, 3))}
    assert len(paths) == fill.times == 4


@pytest.mark.parametrize("damage", [b"xxxxxx", b"short", b""])
def test_damaged_bytes_are_made_again(store, damage):
    fill = Filling()
    mapped_once("a", (6,), fill)[0].path.write_bytes(damage)
    assert mapped_once("a", (6,), fill)[0].array.tolist() == [0, 1, 2, 3, 4, 5]
    assert fill.times == 2


def test_bytes_without_their_record_are_made_again(store):
    fill = Filling()
    mapped_once("a", (6,), fill)[0].path.with_suffix(".json").unlink()
    mapped_once("a", (6,), fill)
    assert fill.times == 2


def test_whoever_writes_to_them_changes_no_file(store):
    mapped, _ = mapped_once("a", (6,), Filling())
    mapped.array[:] = 9
    assert mapped_once("a", (6,), Filling())[0].array.tolist() == [0, 1, 2, 3, 4, 5]


def test_they_are_pickled_by_their_path(store):
    mapped, _ = mapped_once("a", (1 << 16,), Filling())
    assert mapped.array[1] == 1
    content = pickle.dumps(mapped)
    assert len(content) < 1000
    assert np.array_equal(pickle.loads(content).array, mapped.array)


def test_a_file_that_is_gone_is_told_of(store):
    mapped, _ = mapped_once("a", (6,), Filling())
    mapped.path.unlink()
    with pytest.raises(ResourceError, match=r"cannot map images: .*; run again, which reads them anew"):
        _ = mapped.array


def test_a_failure_to_make_them_leaves_nothing(store):
    def fail(_array):
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        mapped_once("a", (6,), fail)
    assert not [path for path in store.images.rglob("*") if path.is_file()]


def test_a_folder_that_cannot_be_made_is_told_of(tmp_path):
    (tmp_path / "file").touch()
    with (
        mapping_into(Store(tmp_path / "file")),
        pytest.raises(ResourceError, match=r"cannot keep images: .*another folder with FPFRAME_HOME"),
    ):
        mapped_once("a", (6,), Filling())


def test_what_is_needed_for_a_while_goes_with_the_object(store):
    mapped = mapped_meanwhile((6,), Filling())
    assert mapped.array.tolist() == [0, 1, 2, 3, 4, 5]
    assert mapped.path.exists()
    path = mapped.path
    del mapped
    gc.collect()
    assert not path.exists()


def test_records_without_their_bytes_are_garbage(store):
    mapped, _ = mapped_once("a", (6,), Filling())
    assert not store.collect_garbage()
    mapped.path.unlink()
    assert [garbage.kind for garbage in store.collect_garbage()] == ["folder", "folder", "sidecar"]
