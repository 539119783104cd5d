"""Turn a pickled state dict into safetensors. Run as a script, in a process that nobody will miss.

Usage: ``python -P _unpickle.py SOURCE TARGET``. On failure the exit code is 3 and standard output holds
``{"error": "..."}``. There is no fallback to an unrestricted pickle.
"""

from __future__ import annotations

import json
import re
import sys
import warnings
from collections.abc import Mapping
from pathlib import Path
from pickle import UnpicklingError

import torch
from safetensors.torch import save_file
from torch import Tensor

#: Under which keys training scripts put the state dict beside the epoch, the optimizer and so on.
NESTED = ("state_dict", "model")

_CPU_SECONDS = 240
_MEMORY_FACTOR = 4
_MEMORY_BYTES = 2 * 1024**3
_TOO_LARGE = "its tensors need far more memory than the file is long"


class RefusedError(Exception):
    """The file is not converted; the text says why."""


def main(source: Path, target: Path) -> int:
    """Convert one file, and return the exit code."""
    try:
        _limit(source.stat().st_size)
        save_file(_state_dict(_load(source)), target)
    except RefusedError as error:
        reason = str(error)
    except (MemoryError, RuntimeError):
        reason = _TOO_LARGE
    else:
        return 0
    json.dump({"error": reason}, sys.stdout)
    return 3


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


def _load(source: Path) -> object:
    try:
        with warnings.catch_warnings():
            # whatever it warns of, the tensors are checked below
            warnings.simplefilter("ignore")
            return torch.load(source, map_location="cpu", weights_only=True)
    except MemoryError:
        raise
    except Exception as error:
        # the reader's own words advise users to let the pickle run, so they are not passed on
        names = re.findall(r"GLOBAL ([\w.]+)", str(error))
        if names:
            reason = f"it holds pickled Python objects ({names[0]}), which could run code"
        elif isinstance(error, UnpicklingError):
            reason = "it holds pickled Python objects, which could run code"
        elif "TorchScript" in str(error):
            reason = "it is a TorchScript program, not a state dict"
        elif "allocate memory" in str(error):
            reason = _TOO_LARGE
        else:
            reason = "it is damaged, or not a PyTorch file"
        raise RefusedError(reason) from error


def _state_dict(content: object) -> dict[str, Tensor]:
    if isinstance(content, Mapping):
        inside = [content[key] for key in NESTED if _holds_tensors(content.get(key))]
        if len(inside) == 1:
            content = inside[0]
    if not isinstance(content, Mapping) or not _holds_tensors(content):
        raise RefusedError("it does not hold a state dict, which maps names to tensors")
    # tied weights share memory, which safetensors refuses: each name gets its own copy
    tensors = {name: tensor.detach() for name, tensor in content.items()}
    if any(tensor.is_quantized or tensor.layout != torch.strided for tensor in tensors.values()):
        raise RefusedError("it holds quantised or sparse tensors, which only the program that made them can run")
    return {name: tensor.contiguous().clone() for name, tensor in tensors.items()}


def _holds_tensors(value: object) -> bool:
    return (
        isinstance(value, Mapping)
        and bool(value)
        and all(isinstance(name, str) and isinstance(item, Tensor) for name, item in value.items())
    )


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
