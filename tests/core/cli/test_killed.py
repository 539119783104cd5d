"""Commands that are killed at random moments, and run again."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import fpframe
from faultserver import FaultServer
from fpframe.base import parse_json
from tiny import copy_store

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]
#: How often each command is killed; the figures in the documentation are of 50.
KILLS = int(os.environ.get("FPFRAME_KILLS", "3"))
BATCH = 16


def command(*words: str, home: Path, told: Path | None = None) -> subprocess.Popen[str]:
    """Start a command; what it says on standard error goes to a file, if one is named."""
    environment = {
        **os.environ,
        "FPFRAME_HOME": str(home),
        "PYTHONPATH": os.pathsep.join([str(home.parent), *sys.path]),
    }
    with contextlib.nullcontext(subprocess.PIPE) if told is None else told.open("w") as stderr:
        return subprocess.Popen(
            [sys.executable, "-m", "fpframe", *words],
            env=environment,
            cwd=home.parent,
            text=True,
            stdout=subprocess.PIPE,
            stderr=stderr,
            start_new_session=True,
        )


def killed(process: subprocess.Popen[str], after: float) -> tuple[bool, str]:
    """Kill a process and all that it started after some seconds; return whether it lived so long, and its stderr."""
    try:
        process.wait(after)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        return True, process.communicate()[1]
    return False, process.communicate()[1]


def killed_when(
    process: subprocess.Popen[str], chance: random.Random, progress: Callable[[], int], needed: int
) -> bool:
    """Kill a process and all that it started at a random moment, mostly while it asks; return whether it lived so long.

    The moment is drawn by the progress that was made: by the clock a busy machine shifts all of them. The process that
    asks is killed by itself and at once; it would live on for some moments after the one that started it.

    Args:
        process: the command.
        chance: draws the moment.
        progress: tells how much the suspect has been asked so far, by whatever count.
        needed: by how much that grows in a whole run.
    """
    moment = chance.uniform(-0.1, 1)
    until = progress() + moment * needed
    while moment > 0 and progress() < until and process.poll() is None:
        time.sleep(0.003)
    time.sleep(chance.uniform(0, 0.1) if moment > 0 else chance.uniform(0.2, 3))
    for pid in reversed(family(process.pid)):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    process.communicate()
    return process.returncode == -signal.SIGKILL


def family(pid: int) -> list[int]:
    """Return a process, those that it started, those that they started, and so on."""
    children: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            children.setdefault(int(path.read_text().rpartition(")")[2].split()[1]), []).append(int(path.parent.name))
    found = [pid]
    for one in found:  # it grows meanwhile
        found += children.get(one, [])
    return found


def asked(stderr: str) -> Counter[str]:
    said = (line.rpartition(": asked ") for line in stderr.splitlines())
    return Counter(digest for whose, _, digest in said if whose == "suspect python:theirs:answers")


@pytest.fixture
def home(tmp_path) -> Path:
    (tmp_path / "theirs.py").write_text(
        "import hashlib, sys, time\n"
        "import torch\n"
        "weights = torch.rand(64, 10, generator=torch.Generator().manual_seed(0))\n"
        "def answers(pixels):\n"
        "    for image in pixels:\n"
        "        print('asked', hashlib.sha256(image.numpy().tobytes()).hexdigest(), file=sys.stderr, flush=True)\n"
        "    time.sleep(0.03)\n"
        "    return (pixels.flatten(1) @ weights * 8).softmax(1)\n"
    )
    return tmp_path / "home"


def test_a_questioning_that_is_killed_goes_on_and_sends_nothing_twice_but_what_was_under_way(home, tiny_enrolment):
    words = ["verify", str(tiny_enrolment), "python:theirs:answers", "--json", "--batch-size", str(BATCH)]
    whole, err = command(*words, home=home).communicate()
    sent, told = asked(err), home.parent / "told"
    chance = random.Random(0)
    counts = Counter[str]()
    for turn in range(KILLS):
        process = command(*words, home=home, told=told)
        died = killed_when(process, chance, lambda: asked(told.read_text()).total(), sent.total())
        first = told.read_text()
        if not died:
            counts["ended before"] += 1
            continue
        kept = list(home.glob("journals/*"))
        again = command(*words, *(["--resume"] if kept else []), home=home)
        out, second = again.communicate()
        assert again.returncode == 7, (turn, second)
        assert json.loads(out) == json.loads(whole), turn
        extra = (asked(first) + asked(second)) - sent
        assert extra.total() <= max(BATCH, 64) * (1 if kept else 10**6), (turn, extra.total())
        assert not list(home.glob("journals/*")), "a verdict stands, and nothing has to be kept"
        counts["killed while it asked" if kept else "killed before it asked"] += 1
        counts["images sent again"] += extra.total() if kept else 0
        counts["images sent before a kill"] += asked(first).total()
    print("verify", dict(counts))  # shown by -rP
    assert counts["killed while it asked"], "no run was killed while it was asking"


def test_an_enrolment_that_is_killed_is_made_again_bit_for_bit(home, tiny_store, tiny_enrolment):
    copy_store(tiny_store, home)
    words = ["enroll", "--recipe", "tiny", "--out", "mine.enrolment", "--workers", "1"]
    wanted = fpframe.Enrolment.open(tiny_enrolment).digest
    chance = random.Random(1)
    counts = Counter[str]()
    for turn in range(KILLS):
        died, _ = killed(command(*words, home=home), chance.uniform(1, 12))
        made = home.parent / "mine.enrolment"
        if died and not made.exists():
            again = command(*words, home=home)
            _, err = again.communicate()
            assert again.returncode == 0, (turn, err)
        counts["killed" if died else "ended before"] += 1
        assert fpframe.Enrolment.open(made).digest == wanted, turn
        for file in made.iterdir():
            file.unlink()
        made.rmdir()
    print("enroll", dict(counts))


@pytest.mark.parametrize("seed", range(3))
def test_a_service_is_asked_on_after_a_kill_and_nothing_is_paid_for_twice_but_what_was_under_way(
    seed, home, tiny_enrolment
):
    images, parallel, spare = 8, 2, 2

    def slowly(ask):
        time.sleep(0.05)
        ask.say(ask.rows())

    with FaultServer(slowly) as server:
        description = home.parent / "service.toml"
        description.write_text(
            f'url = "{server.url}"\nimages = {images}\nparallel = {parallel}\n[answer]\nat = "$.predictions"\n'
            "[price]\nrequest = 0.01\n"
        )
        words = ["verify", str(tiny_enrolment), "http:service.toml", "--json", "--force", "--save-answers", "it.npz"]
        whole, err = command(*words, home=home).communicate()
        assert whole, err
        needed, sent = server.requests, server.images
        words += ["--budget", str((needed + spare) / 100)]  # pays for what a kill may cost, and not for more
        chance = random.Random(seed)
        counts = Counter[str]()
        for turn in range(KILLS // 3):
            before, images_before = server.requests, server.images
            if not killed_when(command(*words, home=home), chance, lambda: server.requests, needed):
                counts["ended before"] += 1
                continue
            asked_before = server.requests - before
            ledgers = list(home.glob("journals/*.ledger"))
            again = command(*words, *(["--resume"] if ledgers else []), home=home)
            out, second = again.communicate()
            assert again.returncode == 7, (turn, second)
            assert json.loads(out) == json.loads(whole), turn
            twice = server.requests - before - needed
            assert 0 <= twice <= parallel, turn
            assert 0 <= server.images - images_before - sent <= parallel * images, turn
            service = parse_json(str(np.load(home.parent / "it.npz")["about"]))["service"]
            # what was written down and not yet sent when the kill came counts too
            assert needed + twice <= service["requests"] <= needed + parallel, turn
            assert service["requests"] <= needed + spare, turn
            assert float(service["money"]) == pytest.approx(service["requests"] / 100)
            assert not list(home.glob("journals/*")), "a verdict stands, and nothing has to be kept"
            counts["killed while it asked" if asked_before else "killed before it asked"] += 1
            counts["requests before a kill"] += asked_before
            counts["requests sent twice"] += twice
            counts["requests counted that never left"] += service["requests"] - needed - twice
        print("verify of a service", {"requests of a whole run": needed, **counts})
    assert counts["killed while it asked"], "no run was killed while it was asking"
