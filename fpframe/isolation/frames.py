"""`Frames`: messages between a suspect's process and its asker's. The other end is never trusted with what it says."""

from __future__ import annotations

import json
import select
import socket
import struct
import time
from collections.abc import Callable
from typing import Any

from fpframe.base import parse_json

#: Lengths in bytes of a message's JSON and of the numbers after it.
_HEAD = struct.Struct("!IQ")
#: Bytes of JSON that one message may have.
_LONGEST = 1 << 20
#: Seconds between two looks at the clock and at the memory of the other end.
_BEAT = 0.1


class BrokenFrameError(Exception):
    """What came is not a message."""


class Frames:
    """One end of a stream of messages, each a JSON object and the bytes of at most one array.

    Args:
        end: a connected stream socket, which belongs to this object from now on.
        on_beat: is called several times a second while there is nothing to do but wait; what it raises ends that.
    """

    def __init__(self, end: socket.socket, on_beat: Callable[[], None] = lambda: None) -> None:
        self._end, self._on_beat = end, on_beat
        end.setblocking(False)

    def send(self, message: dict[str, Any], body: memoryview | bytes = b"", *, until: float | None = None) -> None:
        """Send a message.

        Args:
            message: what JSON can say.
            body: bytes that follow it.
            until: the moment, by `time.monotonic`, at which to give up.

        Raises:
            EOFError: the other end is gone.
            TimeoutError: it did not take the message in time.
        """
        text = json.dumps(message, allow_nan=False).encode()
        for part in (_HEAD.pack(len(text), len(body)), text, body):
            rest = memoryview(part)
            while rest:
                self._wait(select.POLLOUT, until)
                try:
                    rest = rest[self._end.send(rest) :]
                except BlockingIOError:
                    continue
                except OSError as error:
                    raise EOFError from error

    def receive(self, *, most: int = 0, until: float | None = None) -> tuple[dict[str, Any], bytearray]:
        """Return the next message and what follows it.

        Args:
            most: bytes that may follow it.
            until: the moment, by `time.monotonic`, at which to give up.

        Raises:
            EOFError: the other end is gone.
            TimeoutError: nothing whole came in time.
            BrokenFrameError: it is longer than it may be, or is not a JSON object.
        """
        text_bytes, body_bytes = _HEAD.unpack(self._take(_HEAD.size, until))
        if text_bytes > _LONGEST or body_bytes > most:
            raise BrokenFrameError(f"a message of {text_bytes} and {body_bytes} bytes")
        text, body = self._take(text_bytes, until), self._take(body_bytes, until)
        try:
            message = parse_json(bytes(text))
        except ValueError as error:
            raise BrokenFrameError("a message that is not JSON") from error
        if not isinstance(message, dict):
            raise BrokenFrameError("a message that is not a JSON object")
        return message, body

    def close(self) -> None:
        """Close this end."""
        self._end.close()

    def _take(self, count: int, until: float | None) -> bytearray:
        taken = bytearray(count)
        rest = memoryview(taken)
        while rest:
            self._wait(select.POLLIN, until)
            try:
                got = self._end.recv_into(rest)
            except BlockingIOError:
                continue
            except OSError as error:
                raise EOFError from error
            if not got:
                raise EOFError
            rest = rest[got:]
        return taken

    def _wait(self, event: int, until: float | None) -> None:
        poll = select.poll()
        poll.register(self._end, event)
        while not poll.poll(1000 * _BEAT):
            if until is not None and time.monotonic() > until:
                raise TimeoutError
            self._on_beat()
        if until is not None and time.monotonic() > until:  # it may be kept busy by one byte after the other
            raise TimeoutError
