"""JSON that two programs could read as two values is refused."""

from __future__ import annotations

import pytest

from fpframe.base.jsontext import parse_json


@pytest.mark.parametrize("text", ['{"a": [1, 2.5, null, true, "ü"]}', b'{"a": [1, 2.5, null, true, "\xc3\xbc"]}'])
def test_what_the_standard_allows_is_read(text):
    assert parse_json(text) == {"a": [1, 2.5, None, True, "ü"]}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a": 1, "a": 1}', "'a' occurs twice"),
        ('{"b": {"a": 1, "a": 2}}', "'a' occurs twice"),
        ("[NaN]", "NaN is not a number"),
        ("[Infinity]", "Infinity is not a number"),
        ("[-Infinity]", "-Infinity is not a number"),
        ("[1e999]", "1e999 is too large"),
        ("[" * 100_000, "nests too deeply"),
        ("1" * 5000, "4300 digits"),
        ("{", "Expecting property name"),
        ("", "Expecting value"),
        ("\ufeff{}", "BOM"),
        (b"\xff{}", "can't decode byte"),
        ("{}".encode("utf-16"), "can't decode byte"),
    ],
)
def test_everything_else_is_refused(text, message):
    with pytest.raises(ValueError, match=message):
        parse_json(text)
