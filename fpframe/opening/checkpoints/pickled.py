"""`take_out`: let a process of its own take the tensors out of a pickle."""

from __future__ import annotations

import json
import subprocess
import sys
from os import environ
from pathlib import Path

from fpframe.errors import ModelError
from fpframe.opening.checkpoints.child import RefusedError, extract

#: Seconds after which the process that reads a foreign pickle is ended.
TIME_LIMIT_SECONDS = 300.0

#: It imports from where the caller does; ``-P`` keeps the current folder out of it until then.
START = """
import json, pathlib, sys
sys.path[:], source, folder = json.loads(sys.stdin.readline())
from fpframe.opening.checkpoints.child import main
sys.exit(main(pathlib.Path(source), pathlib.Path(folder)))
"""


_here = False


def read_pickles_here() -> None:
    """Read the pickles to come in this process, which is confined and that nobody will miss."""
    global _here
    _here = True


def take_out(path: Path, folder: Path) -> None:
    """Let the tensors of a pickle be written to a folder; `child` says as what.

    Raises:
        ModelError: the file is refused.
    """
    if _here:
        try:
            extract(path, folder)
        except RefusedError as error:
            raise _refused(path, str(error)) from error
        return
    order = [list(map(str, sys.path)), str(path.resolve()), str(folder)]
    # what would have PyTorch choose its own reader
    rest = {name: value for name, value in environ.items() if not name.startswith("TORCH_FORCE_")}
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-c", START],
            input=json.dumps(order).encode() + b"\n",
            capture_output=True,
            cwd=folder,
            env={**rest, "OMP_NUM_THREADS": "1"},
            timeout=TIME_LIMIT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise _refused(path, f"reading it took more than {TIME_LIMIT_SECONDS:g} seconds") from error
    if done.returncode:
        raise _refused(path, _reason(done))


def _refused(path: Path, reason: str) -> ModelError:
    return ModelError(f"'{path}' is refused: {printable(reason)}; save its state dict as .safetensors")


def _reason(done: subprocess.CompletedProcess[bytes]) -> str:
    """Return what the child said as one short printable line; it is not to be trusted more than the file."""
    try:
        return str(json.loads(done.stdout)["error"])
    except (ValueError, KeyError, TypeError):
        return f"reading it ended with code {done.returncode}, over a limit or on damaged content"


def printable(text: str, most: int = 300) -> str:
    """Return a text of a stranger without what a terminal would obey, and not too long."""
    return "".join(letter if letter.isprintable() else " " for letter in text[:most])
