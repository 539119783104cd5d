"""`Child`: one suspect in a process of its own, seen by whoever asks."""

from __future__ import annotations

import json
import math
import signal
import sys
import tempfile
import time
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import torch
from torch import Tensor

from fpframe.base import Note
from fpframe.interfaces import SuspectSource
from fpframe.isolation.border import Answers, Facts, Session
from fpframe.isolation.confinement import Bounds
from fpframe.isolation.environment import named_variables
from fpframe.isolation.failure import Failure
from fpframe.isolation.frames import BrokenFrameError, Frames
from fpframe.isolation.interface import Isolation
from fpframe.isolation.limits import Limits
from fpframe.isolation.memory import Gauge, TooLargeError
from fpframe.isolation.messages import read_facts, read_failure, read_reading, written_request
from fpframe.isolation.request import OpeningRequest
from fpframe.isolation.scratch import remove_scratch
from fpframe.isolation.template import Forked, Template

#: Seconds that a process gets to say how it ended, once it has.
_LAST_WORDS_SECONDS = 3.0
#: Seconds that it may take to be forked and to confine itself.
_FORK_SECONDS = 60.0
#: Seconds between two words on how far it is.
_TELL_SECONDS = 1.0
_GIB = 1024**3


@attrs.define
class Beat:
    """What is done several times a second while a process is waited for.

    Attributes:
        look: is called each time; what it raises ends the waiting.
        tell: is called once a second; ``None`` tells nobody.
    """

    look: Callable[[], None]
    tell: Callable[[], None] | None = None
    _next: float = 0.0

    def __call__(self) -> None:
        """Do it."""
        self.look()
        if self.tell is not None and time.monotonic() >= self._next:
            self._next = time.monotonic() + _TELL_SECONDS
            self.tell()


class Child:
    """One suspect in a process of its own, seen by whoever asks."""

    facts: Facts

    def __init__(
        self,
        template: Template,
        owner: Isolation,
        address: str,
        request: OpeningRequest,
        folder: str,
        *,
        service: SuspectSource | None = None,
    ) -> None:
        self._variables: dict[str, str] = {}
        if service is not None:
            self._variables = named_variables(service.variables(address))
        else:
            request = attrs.evolve(request, max_queries=None)  # whoever asks counts
        self._owner, self._address, self._request, self._is_service = owner, address, request, service is not None
        limits = self._limits
        self._folder = tempfile.mkdtemp(prefix="suspect-", dir=folder)
        try:
            bounds = Bounds(
                memory_bytes=limits.memory_bytes,
                network=limits.network,
                device=request.device,
                folder=self._folder,
                files=[request.terms.ledger] if request.terms.ledger else [],
            )
            self._forked = template.fork(address, bounds, backbone=request.backbone)
        except BaseException:
            remove_scratch(self._folder)
            raise
        self._gauge = Gauge(self._forked.pid, limits.memory_bytes)
        self.beat = Beat(self._gauge.look)
        self._frames = Frames(self._forked.talk, self.beat)  # not a method of this: it ends when it is let go
        self._spent = 0.0
        self.end = weakref.finalize(self, _end, template, self._forked, self._folder)

    def open(self) -> Session | Failure:
        """Open it, and return what can be asked, or why not."""
        order = {
            "address": self._address,
            "request": written_request(self._request),
            "folder": _current_folder(),
            "variables": self._variables,
            "path": list(map(str, sys.path)),
            "threads": torch.get_num_threads(),
        }
        try:
            until = time.monotonic() + _FORK_SECONDS
            self._frames.send(order, until=until)
            ready, _ = self._frames.receive(until=until)
        except TimeoutError:
            self.end()
            return Failure("hung", f"no process was ready for the suspect ({self._address}) after {_FORK_SECONDS:g} s")
        except (EOFError, BrokenFrameError) as error:
            return self._failed(error, "to be forked")
        self._gauge.begin()
        said = self._exchange(None, b"", "to be opened")
        if isinstance(said, Failure):
            return said
        try:
            facts = read_facts(said[0], self._address)
        except (ValueError, KeyError, TypeError, AttributeError):
            return self._babbled()
        self.facts = attrs.evolve(facts, notes=(*facts.notes, *unconfined(ready["lacking"])))
        return self

    def ask(self, pixels: Tensor) -> Answers | Failure:
        """Return its answers to one batch."""
        given = pixels.detach().to("cpu", torch.float32).contiguous()
        shape = (len(given), self.facts.num_classes(self._request))
        message = {"shape": list(given.shape), "threads": torch.get_num_threads()}
        body = given.numpy().tobytes()
        said = self._exchange(message, body, f"to answer {len(given)} images", most=4 * math.prod(shape))
        if isinstance(said, Failure):
            return said
        told, numbers = said
        try:
            if told["is"] != "answers" or tuple(told["shape"]) != shape or len(numbers) != 4 * math.prod(shape):
                return self._babbled()
            return Answers(
                rows=torch.frombuffer(numbers, dtype=torch.float32).reshape(shape),
                reading=read_reading(told["reading"]),
            )
        except (ValueError, KeyError, TypeError, AttributeError):
            return self._babbled()

    def _exchange(
        self, message: dict[str, Any] | None, body: memoryview | bytes, what: str, *, most: int = 0
    ) -> tuple[dict[str, Any], bytearray] | Failure:
        """Send a message, if there is one, and return what is said to it."""
        if not self.end.alive:
            return Failure("died", f"the suspect's process is gone ({self._address}); open it again")
        started = time.monotonic()
        until = started + self._seconds_left()
        try:
            if message is not None:
                self._frames.send(message, body, until=until)
            told, numbers = self._frames.receive(most=most, until=until)
            if told.get("is") != "failure":
                return told, numbers
            failure = read_failure(told)
        except (EOFError, TimeoutError, BrokenFrameError, TooLargeError) as error:
            return self._failed(error, what)
        except (ValueError, KeyError, TypeError, AttributeError):
            return self._babbled()
        except BaseException:
            self.end()  # an interrupt: the answer that is under way would be taken for one to other images
            raise
        finally:
            self._spent += time.monotonic() - started
        if failure.outcome != "raised":
            self.end()
        return failure

    @property
    def _limits(self) -> Limits:
        """What holds now. A service keeps to times of its own, and waits as long as it is asked to."""
        limits = self._owner.limits
        if not self._is_service:
            return limits
        return attrs.evolve(limits, batch_seconds=None, total_seconds=None, network=True)

    def _seconds_left(self) -> float:
        limits = self._limits
        in_all = math.inf if limits.total_seconds is None else limits.total_seconds - self._spent
        return min(in_all, math.inf if limits.batch_seconds is None else limits.batch_seconds)

    def _failed(self, error: Exception, what: str) -> Failure:
        """Return what became of it, and end it."""
        if isinstance(error, BrokenFrameError):
            return self._babbled()
        if isinstance(error, TimeoutError):
            self.end()
            return Failure("hung", self._late(what))
        if isinstance(error, TooLargeError):
            self.end()
            gib = (self._gauge.most or 0) / _GIB
            return Failure(
                "died",
                f"the suspect used more than {gib:.3g} GiB of memory ({self._address}); raise --memory, or lower "
                "--batch-size",
            )
        how = self._last_words()
        self.end()
        return Failure("died", f"the suspect {how} ({self._address}); no verdict is possible")

    def _late(self, what: str) -> str:
        batch = self._limits.batch_seconds
        if batch is not None and self._seconds_left() >= batch:
            return (
                f"the suspect took more than {batch:g} seconds {what} ({self._address}); raise --timeout, or lower "
                "--batch-size"
            )
        total = self._limits.total_seconds
        return f"the suspect took more than {total:g} seconds in all ({self._address}); raise --timeout"

    def _last_words(self) -> str:
        """Return how the process ended, in words."""
        self._forked.report.settimeout(_LAST_WORDS_SECONDS)
        try:
            code = json.loads(self._forked.report.recv(1024))["code"]
        except (OSError, ValueError):
            return "closed its connection, or was killed"
        if code >= 0:
            return f"ended its process with code {code}"
        name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
        guess = ", maybe because memory ran out" if -code == signal.SIGKILL else ""
        return f"was killed ({name}{guess})" if -code == signal.SIGKILL else f"crashed ({name})"

    def _babbled(self) -> Failure:
        self.end()
        return Failure(
            "died",
            f"the suspect's process sent something that is not an answer, and was ended ({self._address}); no verdict "
            "is possible",
        )


def _end(template: Template, forked: Forked, folder: str) -> None:
    template.end(forked.pid)
    for way in (forked.talk, forked.report):
        way.close()
    remove_scratch(folder)


def _current_folder() -> str:
    try:
        return str(Path.cwd())
    except OSError:
        return ""  # somebody has removed it


def unconfined(lacking: list[str]) -> tuple[Note, ...]:
    """Return the note that says what a suspect's process could not be kept from, if there is anything."""
    if not lacking:
        return ()
    return (
        Note(
            "suspect-not-confined",
            f"The suspect ran in a process of its own, but this system could not keep it from {', '.join(lacking)}.",
        ),
    )
