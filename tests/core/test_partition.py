"""Who owns which training images."""

import numpy as np
import pytest
import torch

from fpframe import DataError, Dataset
from fpframe.recipe import Partition
from fpframe.zoo import partition


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
