"""Exported programs of PyTorch."""

from pathlib import Path

from fpframe import ModelError
from plugins.suspects.one_network import assert_refused


def test_a_pt2_file_with_a_flipped_byte_is_damaged(files, opened):
    content = bytearray((files / "free.pt2").read_bytes())
    content[len(content) // 2] ^= 1
    Path("a.pt2").write_bytes(content)
    assert_refused(ModelError, r"'a\.pt2' (is damaged|holds no exported program)", opened, "a.pt2")
