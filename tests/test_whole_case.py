"""The example that plays a whole case, as its page says to run it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from docpages import ROOT
from tiny import copy_store

PLAY = ROOT / "docs/examples/whole-case/play.sh"
#: The models of `tiny` are there already, and the machine may be busy.
MOST_SECONDS = 500


@pytest.mark.slow
def test_one_command_plays_a_case_from_the_commitment_to_the_check(tiny_store, tmp_path):
    programs = tmp_path / "programs"
    programs.mkdir()
    for name, words in (("fpframe", "-m fpframe"), ("python", "")):
        (programs / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" {words} "$@"\n')
        (programs / name).chmod(0o755)
    copy_store(tiny_store, tmp_path / "store")
    variables = {
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "FPFRAME_HOME": str(tmp_path / "store"),
        "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry),
    }
    played = subprocess.run(
        ["bash", PLAY, tmp_path / "played"],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=MOST_SECONDS,
    )
    assert played.returncode == 0, played.stdout[-3000:] + played.stderr
    check_court, check_own, check_public = played.stdout.split("$ fpframe check ")[1:]
    assert "DERIVED (p 0.1)" in check_court
    for said in (check_court, check_own):
        assert "9 models" in said, "the holder's"
    assert "NOT_SHOWN" in check_own
    assert "a public bundle holds neither answers nor encoders" in check_public
    assert "20 of 200 are shown, and lead to what was sealed" in check_public
    for said in (check_court, check_own, check_public):
        assert "refused" not in said
        assert "enrolment dated" in said
        assert said.count("says an authority that you trust") == 2
    assert played.stdout.count("differs") == 0, "the audit derived something else"


def test_the_example_shows_every_command_of_evidence():
    played = PLAY.read_text(encoding="utf-8")
    for command in ("commit", "enroll", "seal", "calibrate", "verify", "audit", "bundle", "check"):
        assert f"fpframe {command} " in played, command
    for script in ("alter.py", "rivals.py"):
        assert f'python "$here/{script}" ' in played
        assert PLAY.with_name(script).exists()
