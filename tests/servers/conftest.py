"""Real servers, started on loopback, which answer as one network does in process.

``FPFRAME_SERVERS`` names the interpreter that runs them: they live in an environment of their own, whose versions of
common libraries are not those of the tests.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from filelock import FileLock
from torch import Tensor

#: The interpreter of the environment of `requirements.txt`.
PYTHON = os.environ.get("FPFRAME_SERVERS", "")
if not PYTHON:
    collect_ignore_glob = ["test_*.py"]

HERE = Path(__file__).parent
#: Seconds in which a server must be ready.
_READY_SECONDS = 180.0
#: Starts a server by a command, and returns its URL when a path is answered.
Start = Callable[..., str]


@pytest.fixture(scope="session")
def models(shared_folder) -> Path:
    """A folder with one network on the digits, in the forms in which servers take it."""
    folder: Path = shared_folder / "served-models"
    with FileLock(shared_folder / "served-models.lock"):
        if not folder.exists():
            folder.mkdir()
            subprocess.run([PYTHON, HERE / "make_models.py", folder], check=True, env=_variables())
    return folder


@pytest.fixture(scope="session")
def network(models) -> Callable[[Tensor], Tensor]:
    """The same network in this process: from pixels to probabilities."""
    with np.load(models / "weights.npz") as file:
        first, last, first_bias, last_bias = (torch.from_numpy(file[name]) for name in sorted(file.files))

    def answer(pixels: Tensor) -> Tensor:
        hidden = (pixels.flatten(1).double() @ first + first_bias).relu()
        return (hidden @ last + last_bias).softmax(1)

    return answer


@pytest.fixture
def start(tmp_path) -> Iterator[Start]:
    """Start servers, and end them and all that they started."""
    running = []

    def begin(command: list[str], path: str, *, port: int, **variables: str) -> str:
        with (tmp_path / "server.log").open("w") as log:
            process = subprocess.Popen(
                [PYTHON, *command],
                cwd=tmp_path,
                env=_variables(**variables),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        running.append(process)
        url = f"http://127.0.0.1:{port}"
        until = time.monotonic() + _READY_SECONDS
        while not _answers(url + path):
            if process.poll() is not None or time.monotonic() > until:
                raise AssertionError(f"the server did not start: {(tmp_path / 'server.log').read_text()[-3000:]}")
            time.sleep(0.2)
        return url

    yield begin
    for process in running:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@pytest.fixture
def port() -> int:
    """A port that is free."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        number: int = listening.getsockname()[1]
        return number


def _variables(**more: str) -> dict[str, str]:
    """Return the environment of what runs beside the tests: nothing leads it to the packages of the tests."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "FPFRAME"))}
    path = os.pathsep.join([str(Path(PYTHON).parent), kept.get("PATH", os.defpath)])
    return {**kept, "PATH": path, "MLFLOW_DISABLE_TELEMETRY": "true", **more}


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5):
            return True
    except urllib.error.HTTPError:
        return False
    except OSError:
        return False
