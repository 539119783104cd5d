"""Code that leaves the process amid a command is told of: an exit code of 0 would say that all went well."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from fpframe.cli.streams import complain
from fpframe.errors import PluginError


@contextmanager
def told_of_leaving() -> Iterator[None]:
    """Have `os._exit` say, inside the block, who called it, and end the process with the code of a fault of a plugin.

    Nothing in this process has a reason to call it; forked ones have, and are left alone. Whoever leaves by a function
    of C, or crashes, is not noticed here.
    """
    leave, process = os._exit, os.getpid()

    def say_and_leave(status: int) -> NoReturn:
        if os.getpid() != process:
            leave(status)
        caller = sys._getframe(1)
        name, line = caller.f_globals.get("__name__", "?"), f"{caller.f_code.co_filename}:{caller.f_lineno}"
        complain(
            f"error: '{name}' ended the process with code {status} before the command was done ({line}); mend it, or "
            "leave it out"
        )
        leave(PluginError.exit_code)

    setattr(os, "_exit", say_and_leave)  # noqa: B010  # it is a function to type checkers, which nobody replaces
    try:
        yield
    finally:
        setattr(os, "_exit", leave)  # noqa: B010
