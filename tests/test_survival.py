"""A build that is killed, interrupted, or out of disk, and resumed: the commands of `tests/survival` in brief."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parent / "survival"
SKIPPED = 77

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="who belongs to a build is read from /proc"),
]


@pytest.fixture(scope="module")
def reference(tmp_path_factory) -> Path:
    """Where the undisturbed store is built by whoever needs it first."""
    return tmp_path_factory.mktemp("survival") / "undisturbed"


def run(script: str, *options: str, reference: Path) -> str:
    command = [sys.executable, str(SCRIPTS / script), "--reference", str(reference), *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=580)
    if done.returncode == SKIPPED:
        pytest.skip(done.stdout.strip())
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_build_that_is_killed_five_times_ends_as_if_nothing_had_been(reference):
    assert run("kill.py", "--kills", "5", reference=reference).startswith("survived: 5 kills")


def test_ctrl_c_and_sigterm_end_a_build_with_their_exit_codes_and_it_goes_on(reference):
    told = run("kill.py", "--kills", "2", "--ways", "interrupt", "terminate", reference=reference)
    assert "interrupt: 1" in told
    assert "terminate: 1" in told


def test_a_build_without_workers_survives_the_same(reference):
    ways = ("group", "interrupt", "terminate")
    told = run("kill.py", "--kills", "3", "--executor", "inline", "--ways", *ways, reference=reference)
    assert all(f"{way}: 1" in told for way in ways)


def test_a_build_on_a_full_disk_goes_on_when_there_is_room_again(reference):
    assert run("disk.py", reference=reference).startswith("survived: the disk was full after ")


def test_the_comparison_finds_every_fault_that_it_looks_for(reference, tmp_path):
    from survival.building import Finished, contents, faults, temporary_files, undisturbed

    undisturbed(reference, "processes")
    store = tmp_path / "store"
    shutil.copytree(reference, store)
    finished = Finished(store, reference)
    assert finished.look() == len(finished)
    assert faults(store, reference, finished) == []
    damaged, rewritten, missing, *_ = [store / path for path in contents(store)]
    damaged.write_bytes(b"half")
    rewritten.write_bytes(rewritten.read_bytes())
    missing.unlink()
    (damaged.parent / ".tmp-1").touch()
    assert temporary_files(store)
    found = " ".join(faults(store, reference, finished))
    assert "2 entries are not those of the undisturbed store" in found
    assert "files are neither entries nor their sidecars" in found
    assert "files of finished models were written again" in found
    assert "'fpframe store verify' ended with exit code 5" in found
