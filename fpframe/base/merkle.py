"""A Merkle tree over salted leaves: one digest for many facts, each of which can be shown without the others."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import Any

import attrs

from fpframe.base.digest import canonical_json

#: So that no leaf can be taken for an inner node, nor the other way round (RFC 6962).
_LEAF, _NODE = b"\x00", b"\x01"
_SALT = re.compile(r"[0-9a-f]{64}")


@attrs.frozen(kw_only=True)
class Leaf:
    """One fact.

    Attributes:
        name: what it says something of.
        value: what it says, as JSON-able data.
        salt: 32 random bytes in hexadecimal, so that nobody can guess a fact from its digest.
    """

    name: str
    value: Any
    salt: str

    @property
    def digest(self) -> bytes:
        """SHA-256 of salt, name and value."""
        told = canonical_json({"name": self.name, "salt": self.salt, "value": self.value})
        return hashlib.sha256(_LEAF + told.encode()).digest()

    def to_dict(self) -> dict[str, Any]:
        """Return the leaf as JSON-able data."""
        return {"name": self.name, "value": self.value, "salt": self.salt}

    @classmethod
    def read(cls, stored: object) -> Leaf:
        """Return the leaf of what `to_dict` returned.

        Raises:
            ValueError: it is something else.
        """
        if not isinstance(stored, dict) or set(stored) != {"name", "value", "salt"}:
            raise ValueError("a leaf has 'name', 'value' and 'salt', and nothing else")
        if not isinstance(stored["name"], str) or not isinstance(stored["salt"], str):
            raise ValueError("name and salt of a leaf are texts")
        if not _SALT.fullmatch(stored["salt"]):
            raise ValueError(f"the salt of leaf '{stored['name']}' is not 32 bytes in hexadecimal")
        return cls(**stored)


def merkle_root(leaves: Sequence[bytes]) -> bytes:
    """Return the root over the digests of leaves, in their order.

    Raises:
        ValueError: there are none.
    """
    if not leaves:
        raise ValueError("a tree has at least one leaf")
    if len(leaves) == 1:
        return leaves[0]
    middle = _middle(len(leaves))
    return _node(merkle_root(leaves[:middle]), merkle_root(leaves[middle:]))


def merkle_path(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """Return what it takes to get from one leaf to the root: the roots of the other halves, the nearest one first."""
    if len(leaves) == 1:
        return []
    middle = _middle(len(leaves))
    if index < middle:
        return [*merkle_path(leaves[:middle], index), merkle_root(leaves[middle:])]
    return [*merkle_path(leaves[middle:], index - middle), merkle_root(leaves[:middle])]


def root_of_path(leaf: bytes, index: int, count: int, path: Sequence[bytes]) -> bytes:
    """Return the root that follows from one of `count` leaves and its path.

    Raises:
        ValueError: the path has another length than such a leaf's.
    """
    if not 0 <= index < count:
        raise ValueError(f"there is no leaf {index} among {count}")
    if count == 1:
        if path:
            raise ValueError("the path is too long")
        return leaf
    if not path:
        raise ValueError("the path is too short")
    middle = _middle(count)
    if index < middle:
        return _node(root_of_path(leaf, index, middle, path[:-1]), path[-1])
    return _node(path[-1], root_of_path(leaf, index - middle, count - middle, path[:-1]))


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(_NODE + left + right).digest()


def _middle(count: int) -> int:
    """Return the largest power of two below a count."""
    return 1 << ((count - 1).bit_length() - 1)
