"""Take the tensors out of a pickle, in a process that nobody will miss.

`main` is called with the file and the folder to write to. It writes `TENSORS`, in which they are numbered, and
`CONTENTS`, which says under which names they lay. On failure the exit code is 3, and standard output holds
``{"error": "..."}``. There is no fallback to an unrestricted pickle.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from safetensors.torch import save_file

from fpframe.opening.checkpoints.inert import Inert, ProgramError
from fpframe.opening.checkpoints.walk import EndlessError, Walk

#: Files that are written.
TENSORS, CONTENTS = "tensors.safetensors", "contents.json"

_CPU_SECONDS = 240
_MEMORY_FACTOR = 4
_MEMORY_BYTES = 2 * 1024**3
#: Bytes that all tensors together may have on top, however short the file is.
_SPARE_BYTES = 256 * 1024**2
_TOO_LARGE = "its tensors need far more memory than the file is long"
#: Names of classes that are told.
_TOLD = 20


class RefusedError(Exception):
    """The file is not converted; the text says why."""


def main(source: Path, folder: Path) -> int:
    """Convert one file, and return the exit code."""
    try:
        _limit(source.stat().st_size)
        extract(source, folder)
    except RefusedError as error:
        json.dump({"error": str(error)}, sys.stdout)
        return 3
    return 0


def extract(source: Path, folder: Path) -> None:
    """Convert one file in this process, which had better be one that nobody will miss.

    Raises:
        RefusedError: it is damaged, or holds something else.
    """
    inert = Inert()
    try:
        walk = Walk(_load(inert, source))
        if sum(tensor.nbytes for tensor in walk.tensors) > _MEMORY_FACTOR * source.stat().st_size + _SPARE_BYTES:
            raise RefusedError(_TOO_LARGE)
        tensors = {str(number): tensor.contiguous().clone() for number, tensor in enumerate(walk.tensors)}
        save_file(tensors, folder / TENSORS)
    except EndlessError as error:
        raise RefusedError("its containers lie in each other without an end") from error
    except (MemoryError, RuntimeError) as error:
        raise RefusedError(_TOO_LARGE) from error
    told: dict[str, Any] = {"groups": walk.groups, "named": list(inert.named)[:_TOLD]}
    (folder / CONTENTS).write_text(json.dumps(told), encoding="utf-8")


def _limit(file_bytes: int) -> None:
    """Limit CPU time, memory and output; a platform without such limits leaves the parent's time limit."""
    try:
        import resource
    except ImportError:
        return
    wanted = {resource.RLIMIT_CPU: _CPU_SECONDS, resource.RLIMIT_CORE: 0}
    pages = Path("/proc/self/statm")
    if pages.exists():
        # torch has mapped its libraries by now, so what counts is what comes on top
        mapped = int(pages.read_text().split()[0]) * resource.getpagesize()
        wanted[resource.RLIMIT_AS] = mapped + _MEMORY_FACTOR * file_bytes + _MEMORY_BYTES
    for limit, value in wanted.items():
        _, hard = resource.getrlimit(limit)
        most = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(limit, (most, most))


def _load(inert: Inert, source: Path) -> object:
    try:
        with source.open("rb") as file:
            return inert.load(file)
    except MemoryError:
        raise
    except ProgramError:
        reason = "it is a TorchScript program, not a state dict"
    except Exception as error:
        # what readers say is about other ways to read it
        if "allocate memory" in str(error):
            reason = _TOO_LARGE
        else:
            first = next(iter(inert.named), "")
            reason = "it is damaged, or not a PyTorch file" + (f" (it names {first})" if first else "")
    raise RefusedError(reason)
