"""Real servers, started on loopback, which answer as one model of scikit-learn does in process."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import joblib
import pytest
from sklearn.datasets import load_digits
from sklearn.neural_network import MLPClassifier

if os.environ.get("FPFRAME_SERVERS") != "1":
    collect_ignore_glob = ["test_*.py"]  # they need the environment of requirements.txt

#: Seconds in which a server must be ready.
_READY_SECONDS = 180.0
#: Starts a server in a folder at a port by a command, and returns when the path is answered.
Start = Callable[..., str]


@pytest.fixture(scope="session")
def model() -> MLPClassifier:
    """A network on the digits, whose images are flat rows in [0, 1]."""
    images, labels = load_digits(return_X_y=True)
    return MLPClassifier((32,), max_iter=60, random_state=0).fit(images / 16, labels)


@pytest.fixture(scope="session")
def model_file(model, tmp_path_factory) -> Path:
    """The same in a file."""
    path = tmp_path_factory.mktemp("model") / "model.joblib"
    joblib.dump(model, path)
    return path


@pytest.fixture
def start(tmp_path) -> Iterator[Start]:
    """Start servers, and end them and all that they started."""
    running = []

    def begin(command: list[str], path: str, *, port: int, **variables: str) -> str:
        log = (tmp_path / "server.log").open("w")
        process = subprocess.Popen(
            [sys.executable, "-m", *command],
            cwd=tmp_path,
            env={**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}", **variables},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        log.close()
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
        os.killpg(process.pid, 9)
        process.wait()


@pytest.fixture
def port() -> int:
    """A port that is free."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        number: int = listening.getsockname()[1]
        return number


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5):
            return True
    except urllib.error.HTTPError:
        return False
    except OSError:
        return False
