"""``fpframe demo`` overwrites nothing."""

from __future__ import annotations

from pathlib import Path

from core.cli.complaining import complaint


def test_the_demo_refuses_to_overwrite_results(here, capfd):
    Path("mine").mkdir()
    Path("mine/result.json").write_text("{}")
    assert "exists already (mine/result.json)" in complaint(capfd, ["demo", "--out", "mine"], 2)
    Path("file").touch()
    assert "output is a file (file)" in complaint(capfd, ["demo", "--out", "file"], 2)
