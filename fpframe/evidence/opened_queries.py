"""Single queries of a sealed enrolment, shown with their way to what was sealed, while the others stay secret."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence
from typing import Any

import attrs
import torch
from torch import Tensor

from fpframe.base import Leaf, canonical_json, merkle_path, merkle_root, parse_json, root_of_path
from fpframe.enrolment import VICTIM, Committed, Enrolment
from fpframe.evidence.refusal import EvidenceError
from fpframe.models import QuerySet, image_digests

#: Images of an enrolment at most, and numbers of one image.
_MOST, _MOST_NUMBERS = 1_000_000, 100_000_000


@attrs.frozen(eq=False)
class OpenedQuery:
    """One image that was sent to the suspect.

    Attributes:
        number: which one, from 0, in the order of asking.
        image: 8-bit pixels ``(C, H, W)``.
    """

    number: int
    image: Tensor


def query_leaves(committed: Committed, digest: str, queries: QuerySet) -> tuple[Leaf, ...]:
    """Return a salted leaf for each image that a suspect is sent, in the order of asking.

    The salts follow from one that only the commitment in the enrolment holds: whoever has the enrolment knows them, and
    nobody else can tell from a leaf which image it is of.

    Args:
        committed: the commitment of an enrolment.
        digest: the digest of the enrolment.
        queries: its queries.
    """
    images = image_digests(queries.images.flatten(0, 1))
    secret = next(bytes.fromhex(leaf.salt) for leaf in committed.leaves if leaf.name == VICTIM)
    key = hmac.new(secret, f"queries of {digest}".encode(), hashlib.sha256).digest()
    return tuple(
        Leaf(
            name=f"query:{number}",
            value={"image": image.hex(), "of": len(images)},
            salt=hmac.new(key, str(number).encode(), hashlib.sha256).hexdigest(),
        )
        for number, image in enumerate(images)
    )


def root_of_queries(enrolment: Enrolment) -> str:
    """Return the root over the leaves of an enrolment's queries, in hexadecimal.

    It is empty where the enrolment was made without a commitment, and so has no salt.
    """
    if enrolment.commitment is None:
        return ""
    leaves = query_leaves(enrolment.commitment, enrolment.digest, enrolment.queries)
    return merkle_root([leaf.digest for leaf in leaves]).hex()


def chosen(count: int, many: int, *, by: bytes) -> list[int]:
    """Return which queries are shown: nobody chooses them, for they follow from what whoever asked has signed."""
    order = sorted(range(count), key=lambda number: hashlib.sha256(by + str(number).encode()).digest())
    return sorted(order[:many])


def open_queries(enrolment: Enrolment, many: int, *, by: bytes) -> bytes:
    """Return a file that shows some queries of an enrolment.

    Args:
        enrolment: the enrolment.
        many: how many are shown.
        by: the signed statement of whoever asked, which decides which ones.

    Raises:
        EvidenceError: the enrolment was made without a commitment.
    """
    if enrolment.commitment is None:
        raise EvidenceError("commitment-of-another-case", "an enrolment without a commitment has no queries to open")
    leaves = query_leaves(enrolment.commitment, enrolment.digest, enrolment.queries)
    images = enrolment.queries.images.flatten(0, 1)
    digests = [leaf.digest for leaf in leaves]
    opened = [
        {
            "leaf": leaves[number].to_dict(),
            "path": [node.hex() for node in merkle_path(digests, number)],
            "shape": list(images[number].shape),
            "image": base64.b64encode(images[number].numpy().tobytes()).decode(),
        }
        for number in chosen(len(leaves), many, by=by)
    ]
    return (canonical_json({"version": 1, "count": len(leaves), "opened": opened}) + "\n").encode()


def read_queries(content: bytes, *, root: str, by: bytes) -> tuple[list[OpenedQuery], int]:
    """Return the queries that a file shows, and how many there are in all.

    Args:
        content: the file.
        root: the root that was sealed.
        by: the signed statement of whoever asked.

    Raises:
        EvidenceError: one of them is not of what was sealed, others are shown than follow, or the file is damaged.
    """
    try:
        stored = parse_json(content)
        if not isinstance(stored, dict) or set(stored) != {"version", "count", "opened"} or stored["version"] != 1:
            raise ValueError("it has other entries than opened queries, or is of another release")
        count, opened = stored["count"], stored["opened"]
        if type(count) is not int or not 1 <= count <= _MOST or not isinstance(opened, list) or len(opened) > count:
            raise ValueError("it does not say how many queries there are")
        numbers = chosen(count, len(opened), by=by)
        found = [_opened(each, number, count, root) for each, number in zip(opened, numbers, strict=True)]
        if (canonical_json(stored) + "\n").encode() != content:
            raise ValueError("it is not written as fpframe writes it")
    except (ValueError, TypeError) as error:
        raise EvidenceError("queries-differ", f"the queries are not of what was sealed: {error}") from error
    return found, count


def _opened(stored: Any, number: int, count: int, root: str) -> OpenedQuery:
    if not isinstance(stored, dict) or set(stored) != {"leaf", "path", "shape", "image"}:
        raise ValueError("a query is shown by 'leaf', 'path', 'shape' and 'image'")
    leaf, image = Leaf.read(stored["leaf"]), _image(stored["shape"], stored["image"])
    if leaf.name != f"query:{number}":
        raise ValueError(f"'{leaf.name[:40]}' is shown where query {number} follows from the signed statement")
    if leaf.value != {"image": image_digests(image[None])[0].hex(), "of": count}:
        raise ValueError(f"the image of query {number} is another one, or there are more or fewer of them than is said")
    if not isinstance(stored["path"], list) or not all(isinstance(node, str) for node in stored["path"]):
        raise ValueError("a path is not a list of digests")
    path = [bytes.fromhex(node) for node in stored["path"]]
    if root_of_path(leaf.digest, number, count, path).hex() != root:
        raise ValueError(f"query {number} does not lead to what was sealed")
    return OpenedQuery(number, image)


def _image(shape: object, text: object) -> Tensor:
    if not isinstance(shape, list) or len(shape) != 3 or not all(type(side) is int and side > 0 for side in shape):
        raise ValueError("an image has no shape")
    if not isinstance(text, str):
        raise ValueError("an image is not text")
    pixels = base64.b64decode(text, validate=True)
    if len(pixels) != _product(shape):
        raise ValueError("an image does not have as many pixels as its shape says")
    return torch.frombuffer(bytearray(pixels), dtype=torch.uint8).reshape(shape)


def _product(sides: Sequence[int]) -> int:
    product = 1
    for side in sides:
        product *= side
        if product > _MOST_NUMBERS:
            raise ValueError("an image is too large")
    return product
