"""Merkle trees: every leaf leads to the root by its path, and nothing else does."""

from __future__ import annotations

import contextlib

import attrs
import pytest

from fpframe.base import Leaf, merkle_path, merkle_root, root_of_path

LEAVES = [Leaf(name=f"leaf {number}", value=number, salt=f"{number:064x}") for number in range(9)]
DIGESTS = [leaf.digest for leaf in LEAVES]


@pytest.mark.parametrize("count", range(1, 10))
def test_every_leaf_leads_to_the_root_by_its_path_and_from_its_place_only(count):
    digests = DIGESTS[:count]
    root = merkle_root(digests)
    for index, digest in enumerate(digests):
        path = merkle_path(digests, index)
        assert root_of_path(digest, index, count, path) == root
        for other in range(count):
            with contextlib.suppress(ValueError):  # the paths of some places are of another length
                assert (root_of_path(digest, other, count, path) == root) == (other == index)


def test_a_node_is_no_leaf_and_a_leaf_no_node():
    assert merkle_root(DIGESTS[:4]) != merkle_root([merkle_root(DIGESTS[:2]), merkle_root(DIGESTS[2:4])][:1])
    assert merkle_root(DIGESTS[:2]) != merkle_root([DIGESTS[1], DIGESTS[0]])


@pytest.mark.parametrize("field", ["name", "value", "salt"])
def test_name_value_and_salt_all_decide_the_digest(field):
    other = {"name": "another", "value": [1], "salt": "ff" * 32}[field]
    assert attrs.evolve(LEAVES[0], **{field: other}).digest != LEAVES[0].digest


def test_a_leaf_is_read_as_it_was_written_and_nothing_else():
    assert Leaf.read(LEAVES[3].to_dict()) == LEAVES[3]
    for stored in (None, [], {"name": "a"}, {**LEAVES[0].to_dict(), "more": 1}, {**LEAVES[0].to_dict(), "name": 1}):
        with pytest.raises(ValueError, match=r"a leaf has|are texts"):
            Leaf.read(stored)
    with pytest.raises(ValueError, match="not 32 bytes"):
        Leaf.read({**LEAVES[0].to_dict(), "salt": "00"})


def test_paths_and_places_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match="at least one leaf"):
        merkle_root([])
    with pytest.raises(ValueError, match="no leaf 9 among 9"):
        root_of_path(DIGESTS[0], 9, 9, [])
    with pytest.raises(ValueError, match="too long"):
        root_of_path(DIGESTS[0], 0, 1, [DIGESTS[1]])
    with pytest.raises(ValueError, match="too short"):
        root_of_path(DIGESTS[0], 0, 4, [DIGESTS[1]])
