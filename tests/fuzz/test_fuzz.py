"""Whatever others write into files: one line of ours, and never an error of something below."""

from __future__ import annotations

import json
import os
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from fuzz.seeds import seeds
from fuzz.targets import TARGETS, try_one

#: How many inputs each target is tried on; by default always the same ones.
TRIED = os.environ.get("FPFRAME_FUZZ")
FEW = settings(
    max_examples=int(TRIED or 40),
    deadline=None,
    derandomize=TRIED is None,
    suppress_health_check=list(HealthCheck),
    database=None,
)
NUMBERS = st.one_of(st.integers(), st.floats(), st.sampled_from([0, -1, 2**63, 10**400, 1e308, float("nan")]))
LEAVES = st.one_of(st.none(), st.booleans(), NUMBERS, st.text(max_size=20))
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@st.composite
def damaged(draw: Any, target: str) -> bytes:
    """Return a sound input that was cut, flipped, filled or doubled somewhere."""
    content = bytearray(draw(st.sampled_from(seeds()[target])))
    for _ in range(draw(st.integers(0, 4))):
        place = draw(st.integers(0, len(content)))
        way = draw(st.sampled_from(["cut", "flip", "insert", "double"]))
        if way == "cut":
            del content[place : place + draw(st.integers(1, 64))]
        elif way == "flip" and place < len(content):
            content[place] ^= 1 << draw(st.integers(0, 7))
        elif way == "insert":
            content[place:place] = draw(st.binary(max_size=16))
        elif way == "double":
            content[place:place] = content[max(0, place - 32) : place]
    return bytes(content)


@pytest.mark.parametrize("target", TARGETS)
def test_sound_inputs_are_read(target: str) -> None:
    for content in seeds()[target]:
        try_one(target, content)


@pytest.mark.parametrize("target", TARGETS)
def test_damaged_inputs_are_read_or_refused(target: str) -> None:
    @FEW
    @given(damaged(target))
    def tried(content: bytes) -> None:
        try_one(target, content)

    tried()


@pytest.mark.parametrize("target", TARGETS)
def test_anything_is_read_or_refused(target: str) -> None:
    @FEW
    @given(st.one_of(st.binary(max_size=200), st.text(max_size=100).map(lambda text: text.encode(errors="ignore"))))
    def tried(content: bytes) -> None:
        try_one(target, content)

    tried()


def changed(data: st.DataObject, stored: Any) -> Any:
    """Return JSON of which one value somewhere is another one, is missing, or has a neighbour."""
    if isinstance(stored, dict) and stored and data.draw(st.integers(0, 3)):
        key = data.draw(st.sampled_from(sorted(stored)))
        return {**stored, key: changed(data, stored[key])}
    if isinstance(stored, list) and stored and data.draw(st.integers(0, 3)):
        place = data.draw(st.integers(0, len(stored) - 1))
        return [*stored[:place], changed(data, stored[place]), *stored[place + 1 :]]
    if isinstance(stored, dict) and stored and data.draw(st.booleans()):
        return {key: value for key, value in stored.items() if key != data.draw(st.sampled_from(sorted(stored)))}
    return data.draw(VALUES)


@pytest.mark.parametrize("target", ["resealed", "verdict", "journal"])
def test_json_with_another_value_somewhere_is_read_or_refused(target: str) -> None:
    sound = [seed for seed in seeds()[target] if _json_of(target, seed) is not None]

    @FEW
    @given(st.data())
    def tried(data: st.DataObject) -> None:
        seed = data.draw(st.sampled_from(sound))
        prefix = seed[:1] if target == "resealed" else b""
        text = json.dumps(changed(data, _json_of(target, seed)))
        try_one(target, prefix + text.encode() + (b"\n" if target == "journal" else b""))

    tried()


def _json_of(target: str, seed: bytes) -> Any:
    try:
        return json.loads(seed[1:] if target == "resealed" else seed)
    except ValueError:
        return None
