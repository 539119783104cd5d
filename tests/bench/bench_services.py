"""How long a service is asked by ``fpframe verify``, beside a bare client that sends it the same bytes.

The service measures, from its first request to its last answer, so the start of Python is no part of it. It runs in a
process of its own. What the whole command takes stands beside it.
"""

from __future__ import annotations

import base64
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs
import httpx2
import torch
from measuring import markdown

import fpframe

#: Milliseconds that the service takes for an answer, and images in a request.
CASES = ((0, 1), (5, 1), (20, 1), (20, 8))
#: Most times of the bare client that verify may take.
LIMIT = 1.3
#: How many requests are sent where memory is measured.
FEW, MANY = 1000, 10000

HEADINGS = [
    "The service takes",
    "images a request",
    "requests",
    "verify, s",
    "bare client, s",
    "ratio",
    "target",
    "met",
    "the whole command, s",
]
DESCRIPTION = 'url = "{url}"\nimages = {images}\n[answer]\nat = "$.predictions"\n'


@attrs.frozen(kw_only=True)
class Taken:
    """What a service saw of one that asked it.

    Attributes:
        seconds: from its first request to its last answer.
        bodies: of the requests.
    """

    seconds: float
    bodies: list[bytes]


def table(*, repeats: int) -> str:
    """Measure, and return the table with what memory takes below it."""
    with tempfile.TemporaryDirectory(prefix="fpframe-services-") as name:
        folder = Path(name)
        print("services: enrolling ...", file=sys.stderr, flush=True)
        run = fpframe.Run(store=folder / "store")
        fpframe.enroll(recipe="tiny", run=run).save(folder / "tiny.enrolment")
        rows = [compared(folder, *case, repeats=repeats) for case in CASES]
        return f"{markdown(HEADINGS, rows)}\n\n{memory(folder)} Medians of {repeats} turns, {os.cpu_count()} CPUs."


def compared(folder: Path, milliseconds: int, images: int, *, repeats: int) -> list[str]:
    """Return the row of one case; both take turns."""
    asked, sent, whole = [], [], []
    with serving(milliseconds) as url:
        verify(folder, url, images)
        bodies = taken(url).bodies
        send(url, bodies)
        taken(url)
        for _ in range(repeats):
            started = time.perf_counter()
            verify(folder, url, images)
            whole.append(time.perf_counter() - started)
            by_verify = taken(url)
            send(url, bodies)
            bare = taken(url)
            if not by_verify.bodies == bare.bodies == bodies:
                counts = [len(each) for each in (bodies, by_verify.bodies, bare.bodies)]
                raise SystemExit(f"verify and the bare client did not send the same: {counts} requests")
            asked.append(by_verify.seconds)
            sent.append(bare.seconds)
            print(f"services: {milliseconds} ms, {images}: {asked[-1]:.3f} {sent[-1]:.3f}", file=sys.stderr, flush=True)
    ours, theirs = statistics.median(asked), statistics.median(sent)
    ratio = ours / theirs
    return [
        f"{milliseconds} ms",
        str(images),
        str(len(bodies)),
        f"{ours:.3g}",
        f"{theirs:.3g}",
        f"{ratio:.3g}",
        f"<= {LIMIT:.3g}",
        "yes" if ratio <= LIMIT else "MISS",
        f"{statistics.median(whole):.3g}",
    ]


def verify(folder: Path, url: str, images: int) -> None:
    """Run the command."""
    (folder / "service.toml").write_text(DESCRIPTION.format(url=url, images=images))
    command = [sys.executable, "-m", "fpframe", "verify", "tiny.enrolment", "http:service.toml"]
    environment = {**os.environ, "FPFRAME_HOME": str(folder / "store")}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 7):  # a verdict, or none because the service is like nothing that was calibrated
        raise SystemExit(done.stderr)


def send(url: str, bodies: list[bytes]) -> None:
    """Send bodies one after the other over one connection, and read each answer."""
    headers = {"content-type": "application/json", "accept-encoding": "gzip", "user-agent": "bare"}
    with httpx2.Client(http2=True, trust_env=False, headers=headers) as client:
        for body in bodies:
            client.post(url, content=body).raise_for_status().json()


def memory(folder: Path) -> str:
    """Say what a request more takes, in the process that asks the service."""
    few, many = (int(_measured(folder, count)) for count in (FEW, MANY))
    return (
        f"The process that asks has {few / 2**20:.0f} MiB after {FEW} requests and {many / 2**20:.0f} MiB after "
        f"{MANY}: {(many - few) / (MANY - FEW):.0f} bytes a request."
    )


def _measured(folder: Path, count: int) -> str:
    with serving(0) as url:
        (folder / "service.toml").write_text(DESCRIPTION.format(url=url, images=1))
        command = [sys.executable, __file__, str(folder / "service.toml"), str(count)]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def ask_many(path: str, count: int) -> int:
    """Ask a service many images, and return the bytes that this process has then."""
    terms = fpframe.Terms(ledger=f"{path}-{count}.ledger")
    query = fpframe.open_suspect(
        f"http:{path}", registry=fpframe.load_registry(), num_classes=10, image_shape=(1, 8, 8), terms=terms
    )
    for _ in range(count // 100):
        query(torch.rand(100, 1, 8, 8))
    found = re.search(r"VmRSS:\s+(\d+)", Path("/proc/self/status").read_text())
    assert found
    return int(found[1]) * 1024


@contextmanager
def serving(milliseconds: int) -> Iterator[str]:
    """Run the service while the block runs."""
    command = [sys.executable, str(Path(__file__).with_name("local_server.py")), str(milliseconds)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield f"http://127.0.0.1:{process.stdout.readline().strip()}/"
        finally:
            process.kill()


def taken(url: str) -> Taken:
    """Return what the service was asked since this was called last."""
    with urllib.request.urlopen(url) as response:
        said: dict[str, Any] = json.load(response)
    return Taken(seconds=said["seconds"], bodies=[base64.b64decode(body) for body in said["bodies"]])


if __name__ == "__main__":
    print(ask_many(sys.argv[1], int(sys.argv[2])))
