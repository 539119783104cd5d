"""Look at plugins from a safe distance: a child process imports them, with a limit of time for each."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from typing import Any

import attrs

from fpframe.errors import ResourceError, UsageError
from fpframe.registry.entry import Entry
from fpframe.registry.offers import Description

#: Seconds that a plugin may take to be imported, and where they can be set. The first one pays for torch.
LIMIT = "FPFRAME_PLUGIN_SECONDS"
SECONDS = 60.0

#: The child imports from where the caller does; ``-P`` keeps the current folder out of it until then, and
#: ``-B`` keeps compiled files from looking like something that was installed.
_START = """
import json, sys
task = json.load(sys.stdin)
sys.path[:] = task["path"]
from fpframe.registry.child import main
main(task["entries"])
"""


@attrs.frozen(kw_only=True)
class Finding:
    """What was learned about one plugin.

    Attributes:
        offers: what it offers; nothing where it fails.
        error: why it fails, on one line; ``None`` where it does not.
    """

    offers: tuple[Description, ...] = ()
    error: str | None = None


def probe(entries: Sequence[Entry]) -> list[Finding]:
    """Import plugins in a child process and return what each offers.

    A plugin that ends the process or does not come to an end is at fault alone: those after it get a new process.

    Args:
        entries: entry points.

    Raises:
        ResourceError: the child process ends before it looks at a plugin.
        UsageError: the limit of time in the environment is not a number.
    """
    findings: list[Finding] = []
    while len(findings) < len(entries):
        findings += _until_one_breaks_it(entries[len(findings) :])
    return findings


def _until_one_breaks_it(entries: Sequence[Entry]) -> list[Finding]:
    """Return findings up to the end, or up to the first plugin that broke the process, which has one too."""
    seconds = _seconds()
    findings: list[Finding] = []
    with _Child(entries) as child:
        if child.line(2 * SECONDS + seconds) != {"ready": True}:
            raise ResourceError(
                f"plugins cannot be inspected: the child process ended with exit code {child.code()} before it began; "
                "free memory, and try whether python -c 'import fpframe.registry.offers' works"
            )
        for _ in entries:
            try:
                told = child.line(seconds)
            except TimeoutError:
                return [*findings, Finding(error=f"it hangs at import (more than {seconds:g} seconds, {LIMIT})")]
            if told is None:
                return [*findings, Finding(error=f"it ends the process at import (exit code {child.code()})")]
            offers = tuple(Description(**each) for each in told["offers"])
            findings.append(Finding(offers=offers, error=told["error"]))
    return findings


class _Child:
    """The process that imports plugins, and the lines that it writes."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-B", "-c", _START],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
            text=True,
            encoding="utf-8",
            start_new_session=True,
        )
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        threading.Thread(target=self._read, daemon=True).start()
        assert self._process.stdin is not None
        # a child that is gone already says so by its first line, which is missing
        with contextlib.suppress(BrokenPipeError):
            json.dump(
                {"path": sys.path, "entries": [[entry.name, entry.target] for entry in entries]}, self._process.stdin
            )
            self._process.stdin.close()

    def __enter__(self) -> _Child:
        return self

    def __exit__(self, *raised: object) -> None:
        self._kill()
        self._process.wait()

    def line(self, seconds: float) -> dict[str, Any] | None:
        """Return what the child says next; ``None`` when it is gone.

        Raises:
            TimeoutError: it says nothing for so many seconds.
        """
        try:
            text = self._lines.get(timeout=seconds)
        except queue.Empty:
            raise TimeoutError from None
        told: dict[str, Any] | None = None if text is None else json.loads(text)
        return told

    def code(self) -> int:
        """Return the exit code, once it has ended."""
        return self._process.wait()

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout:
            for text in self._process.stdout:
                self._lines.put(text)
        self._lines.put(None)

    def _kill(self) -> None:
        # a plugin may have started processes of its own
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if hasattr(os, "killpg"):
                os.killpg(self._process.pid, signal.SIGKILL)
            else:
                self._process.kill()


def _seconds() -> float:
    text = os.environ.get(LIMIT, "")
    try:
        seconds = float(text or SECONDS)
    except ValueError:
        seconds = 0.0
    if not seconds > 0:
        raise UsageError(f"{LIMIT} must be a number of seconds above 0 (got '{text}')")
    return seconds
