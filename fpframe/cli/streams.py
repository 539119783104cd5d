"""What a command stands on: standard output and error, able to show any letter, and a current folder."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Iterator
from typing import TextIO

from fpframe.base import printable
from fpframe.errors import ResourceError, UsageError


def open_streams() -> None:
    """Make sure that there are streams to write to, and that no letter of a name is too much for their encoding.

    Raises:
        ResourceError: standard output is closed, so that no result could be seen.
    """
    if sys.stderr is None:
        sys.stderr = io.StringIO()
        _occupy(2)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="backslashreplace")
    if sys.stdout is None or sys.stdout.closed:
        raise ResourceError("standard output is closed; leave it open, or send it to a file or to /dev/null")


def require_folder() -> None:
    """Refuse to run in a folder that was removed: neither relative paths nor processes that are started work there.

    Raises:
        UsageError: it was.
    """
    try:
        os.getcwd()  # noqa: PTH109  # as cheap as it gets
    except FileNotFoundError as error:
        raise UsageError("the current folder does not exist any more; change to another one") from error


def say(text: str, *, end: str = "\n") -> None:
    """Print a result; what others have put into it does nothing to the terminal.

    Raises:
        BrokenPipeError: whoever read the output has gone.
        ResourceError: it cannot be written, so that there is no result.
    """
    with _writing():
        print(printable(text), end=end)


def complain(text: str) -> None:
    """Say on one line of standard error what went wrong; where that is full or gone, the exit code has to do."""
    with contextlib.suppress(OSError, ValueError):
        print(f"fpframe: {printable(' '.join(text.split()))}", file=sys.stderr, flush=True)


def flush_output() -> None:
    """Write out what was printed.

    Raises:
        BrokenPipeError: whoever read it has gone.
        ResourceError: it cannot be written, so that there is no result.
    """
    with _writing():
        sys.stdout.flush()


@contextlib.contextmanager
def _writing() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise ResourceError(f"the output cannot be written: {error.strerror or error}; free space") from error


def reader_has_gone() -> bool:
    """Tell whether something that was printed cannot be written, since nobody reads it any more."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        return True
    except (OSError, ValueError):
        return False
    return False


def drop_output() -> None:
    """Forget what cannot be written; otherwise the interpreter would complain once more at exit."""
    for stream in filter(None, (sys.stdout, sys.stderr)):
        try:
            stream.flush()
        except (OSError, ValueError):
            _to_nothing(stream)


def _occupy(number: int) -> None:
    """Keep the next file that is opened from getting the number of a stream that libraries write to."""
    try:
        os.fstat(number)
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), number)


def _to_nothing(stream: TextIO) -> None:
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
