"""`Template`: the process that suspects' processes are forked from, seen by whoever asks."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from typing import Any

import attrs

from fpframe.errors import ResourceError
from fpframe.isolation.chatter import Chatter
from fpframe.isolation.confinement import Bounds
from fpframe.isolation.forking import ORDER_BYTES
from fpframe.registry import Registry

#: Seconds that it may take to import everything on a busy machine.
_START_SECONDS = 180.0
#: It imports from where the caller does; ``-P`` keeps the current folder out of it until then. The caller's own main
#: module is not imported.
_START = """
import json, sys
sys.path[:] = json.loads(sys.stdin.readline())
from fpframe.isolation.forking import start
start()
"""


@attrs.frozen(eq=False)
class Forked:
    """The processes of one suspect.

    Attributes:
        pid: the first of them; all end with it.
        talk: the way to the suspect's.
        report: says how that ended.
    """

    pid: int
    talk: socket.socket
    report: socket.socket


class Template:
    """A process that has imported everything and runs nobody's code. It is ready some seconds after it was started."""

    def __init__(self, registry: Registry, variables: Mapping[str, str]) -> None:
        self._exchange, self._sent = threading.Lock(), 0
        self._orders, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._chatter = Chatter("suspects")
        self._chatters: list[Chatter] = []
        self._ready = False
        try:
            with self._chatter:
                self._process = subprocess.Popen(
                    [sys.executable, "-P", "-u", "-c", _START],
                    stdin=subprocess.PIPE,
                    stdout=self._chatter.descriptor,
                    stderr=self._chatter.descriptor,
                    env=dict(variables),
                    pass_fds=[theirs.fileno()],
                    start_new_session=True,
                )
        except OSError as error:
            self._orders.close()
            raise ResourceError(f"no process for suspects can be started: {error}; free memory") from error
        finally:
            theirs_number = theirs.fileno()
            theirs.close()
        order = {
            "descriptor": theirs_number,
            "parent": os.getpid(),
            "blocked": registry.blocked,
            "pinned": registry.pinned,
        }
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError), self._process.stdin as stdin:  # that it is gone is heard later
            stdin.write(f"{json.dumps(list(map(str, sys.path)))}\n{json.dumps(order)}".encode())

    def fork(self, address: str, bounds: Bounds, *, backbone: str | None) -> Forked:
        """Fork processes for the suspect at an address, whose architecture is that of a backbone where one is named.

        Raises:
            ResourceError: that is not possible.
        """
        talk, their_talk = socket.socketpair()
        report, their_report = socket.socketpair()
        chatter = Chatter(f"suspect {address}")
        try:
            with self._exchange, their_talk, their_report, chatter:
                self._chatters = [each for each in self._chatters if not each.silent] + [chatter]
                self._await()
                self._sent += 1
                order = {"do": "fork", "number": self._sent, "address": address, "backbone": backbone}
                order["bounds"] = attrs.asdict(bounds)
                descriptors = [their_talk.fileno(), their_report.fileno(), chatter.descriptor]
                socket.send_fds(self._orders, [json.dumps(order).encode()], descriptors)
                while (told := self._heard())["number"] != self._sent:
                    pass  # the reply to an order whose wait was interrupted
                return Forked(told["pid"], talk, report)
        except BaseException as error:
            talk.close()
            report.close()
            if isinstance(error, OSError):
                raise self._broken() from error
            raise

    def end(self, pid: int) -> None:
        """Let processes that were forked be ended. It may be called at any moment, so nothing is waited for."""
        with contextlib.suppress(OSError):
            self._orders.send(json.dumps({"do": "end", "pid": pid}).encode())

    def close(self) -> None:
        """End it, and everything that was forked from it."""
        self._process.kill()
        self._process.wait()
        self._orders.close()
        for chatter in (*self._chatters, self._chatter):
            chatter.finish()

    def _await(self) -> None:
        if not self._ready:
            self._heard(_START_SECONDS)
            self._ready = True

    def _heard(self, seconds: float = 60.0) -> dict[str, Any]:
        self._orders.settimeout(seconds)
        try:
            text = self._orders.recv(ORDER_BYTES)
        except OSError:
            text = b""
        if not text:
            raise self._broken()
        told: dict[str, Any] = json.loads(text)
        return told

    def _broken(self) -> ResourceError:
        """End it, and return the error that it does not work, with the last line that it said."""
        self._process.kill()
        self._process.wait()
        self._chatter.finish()
        why = f" ({self._chatter.last})" if self._chatter.last else ""
        return ResourceError(f"the process for suspects does not work{why}; free memory, and run again")
