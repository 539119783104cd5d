"""Who owns which training images."""

import pickle
from itertools import pairwise

import numpy as np
import pytest
import torch

from fpframe import DataError, Dataset
from fpframe.recipe.recipe import Partition
from fpframe.zoo import partition
from fpframe.zoo.parts import is_part


def numbered(count=100):
    """Return a data set whose images are their own indices."""
    images = torch.arange(count, dtype=torch.uint8).reshape(count, 1, 1, 1)
    labels = torch.arange(count) % 3
    return Dataset.from_arrays((images, labels), (images, labels), address="numbered")


def owners(parts):
    """Return the indices that victim, thief and pool own."""
    return [parts.part(name).images.flatten().tolist() for name in ("victim", "thief", "pool")]


def divide(shares=None, *, count=100, seed=0, indices=None):
    indices = None if indices is None else np.asarray(indices)
    return partition(numbered(count), shares or Partition(), seed=seed, victim_indices=indices)


@pytest.mark.parametrize(
    ("shares", "sizes"),
    [(Partition(), [33, 33, 34]), (Partition(victim=3, thief=1), [60, 20, 20]), (Partition(pool=48), [2, 2, 96])],
)
def test_every_image_has_one_owner_and_each_part_its_share(shares, sizes):
    parts = owners(divide(shares))
    assert [len(part) for part in parts] == sizes
    assert sorted(index for part in parts for index in part) == list(range(100))


def test_images_keep_their_labels():
    for part in (divide().victim, divide().thief, divide().pool):
        assert torch.equal(part.labels, part.images.flatten().long() % 3)


def test_the_seed_alone_decides_who_gets_what():
    first = owners(divide())
    torch.rand(3)
    assert owners(divide()) == first
    assert all(set(a) != set(b) for a, b in zip(owners(divide(seed=1)), first, strict=True))


def test_shares_are_taken_from_all_over_the_data():
    assert all(min(part) < 20 < 80 < max(part) for part in owners(divide()))


def test_a_victim_that_says_what_it_saw_owns_just_that_and_the_others_share_the_rest():
    victim, thief, pool = owners(divide(Partition(thief=3, pool=1), indices=range(10, 50)))
    assert victim == list(range(10, 50))
    assert (len(thief), len(pool)) == (45, 15)
    assert sorted(victim + thief + pool) == list(range(100))


def test_neither_order_nor_repetition_of_the_indices_decides_anything():
    plain = owners(divide(indices=[3, 5, 7]))
    assert owners(divide(indices=[7, 3, 5, 3])) == owners(divide(indices=np.uint8([7, 5, 3]))) == plain


@pytest.mark.parametrize(
    ("indices", "said"),
    [
        ([], r"must be a list of whole numbers, got float64 \(0,\)"),
        (np.array([], dtype=int), r"must be a list of whole numbers, got int64 \(0,\)"),
        ([0.0, 1.0], "must be a list of whole numbers, got float64"),
        (np.ones(100, dtype=bool), "must be a list of whole numbers, got bool"),
        ([[0, 1]], r"must be a list of whole numbers, got int64 \(1, 2\)"),
        ([0, 100], r"must lie in 0..99, found 0..100"),
        ([-1, 5], r"must lie in 0..99, found -1..5"),
        ([4], r"the victim's share of 100 training images is 1 \(numbered\)"),
        (range(100), "the thief's share of 100 training images is 0"),
    ],
)
def test_indices_that_cannot_be_are_refused(indices, said):
    with pytest.raises(DataError, match=said):
        divide(indices=indices)


@pytest.mark.parametrize(
    ("shares", "poor"),
    [(Partition(victim=99), "thief"), (Partition(pool=98), "victim"), (Partition(thief=98), "victim")],
)
def test_a_share_of_less_than_two_images_is_refused_by_its_owners_name(shares, poor):
    with pytest.raises(DataError, match=rf"the {poor}'s share of 100 .*; give it more in \[partition\]"):
        divide(shares)


# --- parts that overlap the victim's


@pytest.mark.parametrize("indices", [None, range(40, 73)], ids=["divided", "listed"])
@pytest.mark.parametrize(("fraction", "shared"), [("0", 0), ("0.1", 3), ("0.5", 16), ("0.75", 25), ("1", 33)])
def test_an_overlap_has_so_many_of_the_victims_images_none_of_the_pool_and_as_many_in_all(indices, fraction, shared):
    parts = divide(indices=indices)
    victim, thief, pool = owners(parts)
    found = parts.part(f"overlap:{fraction}").images.flatten().tolist()
    assert shared == round(float(fraction) * len(victim))
    assert len(found) == len(set(found)) == len(victim) == 33
    assert len(set(found) & set(victim)) == shared
    assert len(set(found) & set(thief)) == len(victim) - shared
    assert not set(found) & set(pool)


def test_an_overlap_keeps_labels_and_is_the_same_images_each_time():
    parts = divide()
    part = parts.part("overlap:0.5")
    assert torch.equal(part.labels, part.images.flatten().long() % 3)
    assert parts.part("overlap:0.5") is part
    assert divide().part("overlap:0.5").digest == part.digest != divide(seed=1).part("overlap:0.5").digest


def test_what_is_shared_is_taken_from_all_over_the_victims_list():
    parts = divide(indices=range(40))
    shared = [index for index in parts.part("overlap:0.5").images.flatten().tolist() if index < 40]
    assert (len(shared), min(shared), max(shared)) == (20, 0, 39)
    assert max(b - a for a, b in pairwise(sorted(shared))) <= 3


def test_an_overlap_survives_the_way_to_another_process():
    parts = divide()
    part = parts.part("overlap:0.3")
    again = pickle.loads(pickle.dumps(parts))
    assert again.part("overlap:0.3").digest == part.digest
    assert len(pickle.dumps(parts)) == len(pickle.dumps(divide())), "what can be put together again does not travel"


def test_an_overlap_for_which_the_thief_owns_too_little_is_refused_with_both_numbers():
    parts = divide(Partition(victim=3, thief=1))
    assert len(parts.part("overlap:0.75")) == 60
    with pytest.raises(
        DataError, match=r"30 images that the victim has not seen .* 0\.5, but the thief's share is 20; "
    ):
        parts.part("overlap:0.5")


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("victim", True),
        ("thief", True),
        ("pool", True),
        ("overlap:0", True),
        ("overlap:0.25", True),
        ("overlap:1", True),
        ("overlap:1.01", False),
        ("overlap:-0.1", False),
        ("overlap:nan", False),
        ("overlap:", False),
        ("overlap", False),
        ("part", False),
        (3, False),
        (None, False),
    ],
)
def test_only_names_that_stand_for_images_are_known(name, known):
    assert is_part(name) is known
    if known:
        assert len(divide().part(name)) >= 33


# --- shares of parts, and all of them


def test_everything_is_all_three_parts_and_a_fraction_is_taken_from_all_over_a_part():
    parts = divide()
    numbers = {name: parts.part(name).images.flatten().tolist() for name in ("everything", "everything:0.5", "thief")}
    assert sorted(numbers["everything"]) == list(range(100))
    half = numbers["everything:0.5"]
    assert len(set(half)) == len(half) == 50
    for owner in owners(parts):
        assert 14 <= len(set(half) & set(owner)) <= 19
    assert parts.part("thief:1").images.flatten().tolist() == numbers["thief"]
    assert len(parts.part("thief:0.01")) == 2, "one image cannot be learned from"


def test_the_digest_of_a_part_is_that_of_its_images():
    parts = divide()
    for name in ("victim", "everything", "pool:0.3", "overlap:0.5"):
        assert parts.digest(name) == parts.part(name).digest == parts.digest(name)


@pytest.mark.parametrize("name", ["victim", "everything", "everything:0.5", "pool:1", "overlap:0", "overlap:0.25"])
def test_parts_that_there_are_can_be_named(name):
    assert is_part(name)


@pytest.mark.parametrize("name", ["all", "everything:0", "thief:2", "thief:", "thief:half", "overlap", "half:0.5", 3])
def test_parts_that_there_are_not_cannot_be_named(name):
    assert not is_part(name)
