"""How a command ends that was not finished: one line on standard error, and an exit code that says whose turn it is."""

from __future__ import annotations

import errno
import os
import traceback
from pathlib import Path

from cyclopts import CycloptsError

from fpframe.cli.streams import complain
from fpframe.errors import FpframeError, first_line

#: Exit codes of the command line, besides those of `fpframe.errors`.
USAGE, DATA, RESOURCES, INTERNAL, INTERRUPTED, TERMINATED = 2, 3, 6, 70, 130, 143
#: Environment variable that has the place shown where something went wrong.
DEBUG = "FPFRAME_DEBUG"
#: What a system says of a name that no file can have.
_NO_NAME = {errno.ENAMETOOLONG, errno.EILSEQ}


class Terminated(SystemExit):
    """The process was asked to end."""


def end(error: BaseException) -> int:
    """Say what went wrong, and return the exit code."""
    if os.environ.get(DEBUG) and not isinstance(error, CycloptsError | KeyboardInterrupt | Terminated):
        traceback.print_exception(error)
    code, text = ending(error)
    complain(text)
    return code


def ending(error: BaseException) -> tuple[int, str]:
    """Return the exit code of an error, and what is said of it."""
    if isinstance(error, FpframeError):
        return error.exit_code, f"error: {error}"
    if isinstance(error, CycloptsError):
        return USAGE, f"error: {' '.join(str(error).split()).rstrip('.')}; see --help"
    if isinstance(error, KeyboardInterrupt):
        return INTERRUPTED, "error: interrupted; finished work is kept; run again to continue"
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":  # the latter is torch's
        return RESOURCES, "error: there is not enough memory; free some, or work on less at once"
    if isinstance(error, RecursionError):
        return DATA, "error: a file or a model nests too deeply to be read; use a simpler one"
    if isinstance(error, OSError):
        return _of_the_system(error)
    if isinstance(error, UnicodeError) or (isinstance(error, ValueError) and "null byte" in str(error)):
        return DATA, f"error: a text or a name cannot be used: {first_line(error)}; write it otherwise"
    told = " ".join(first_line(error).split())
    what = type(error).__name__ if told == type(error).__name__ else f"{type(error).__name__}: {told}"
    return INTERNAL, f"internal error: {what} (please report; {DEBUG}=1 shows where)"


def _of_the_system(error: OSError) -> tuple[int, str]:
    """Return how the command ends where the system refuses something and nobody said more about it."""
    if isinstance(error, FileNotFoundError) and error.filename is None and not _is_somewhere():
        return USAGE, "error: the current folder does not exist any more; change to another one"
    where = f" ({_shortened(str(error.filename))})" if error.filename is not None else ""
    reason = error.strerror or first_line(error)
    if error.errno in _NO_NAME:
        return USAGE, f"error: no file can be called so: {reason}{where}; choose another name"
    return RESOURCES, f"error: the system refuses: {reason}{where}; check space, rights and limits"


def _is_somewhere() -> bool:
    try:
        return Path.cwd().exists()
    except OSError:
        return False


def _shortened(name: str, most: int = 120) -> str:
    return name if len(name) <= most else f"{name[:most]}..."
