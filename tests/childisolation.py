"""A second way of opening suspects, in a child process: it shows that the interface carries one, and no more than that.

Not in a test module: the child imports it by name.
"""

from __future__ import annotations

import multiprocessing
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

import attrs
import torch
from torch import Tensor

import fpframe
from fpframe.isolation.border import Answers, Facts, answer
from fpframe.isolation.failure import Failure
from fpframe.isolation.interface import Isolation
from fpframe.isolation.request import OpeningRequest
from fpframe.models.query import Query

#: What it takes to import torch on a busy machine.
START_SECONDS = 120.0


@attrs.frozen(eq=False)
class There:
    """A suspect of the child."""

    owner: ChildIsolation
    child: BaseProcess
    number: int
    facts: Facts

    def ask(self, pixels: Tensor) -> Answers | Failure:
        said = self.owner.call(self.child, self.facts.address, ("ask", self.number, pixels.numpy()))
        if isinstance(said, Failure):
            return said
        rows, reading = said
        return Answers(rows=torch.from_numpy(rows), reading=reading)


class ChildIsolation(Isolation):
    """Open and ask all suspects in one child process; where it ends, the next suspect gets another one."""

    holds = frozenset({"batch_seconds"})

    def start(self, address: str, request: OpeningRequest) -> There | Failure:
        if getattr(self, "child", None) is None or not self.child.is_alive():
            self._start()
        said = self.call(self.child, address, ("open", address, request))
        return said if isinstance(said, Failure) else There(self, self.child, *said)

    def close(self) -> None:
        if getattr(self, "child", None) is not None:
            self.child.kill()
            self.child.join()
            self.pipe.close()
            self.child = None

    def call(self, child: BaseProcess, address: str, message: tuple[Any, ...]) -> Any:
        """Send a message and return what is said to it."""
        if child is not self.child or not child.is_alive():
            return Failure("died", f"the suspect's process is gone ({address})")
        try:
            self.pipe.send(message)
            if not self.pipe.poll(self.limits.batch_seconds):
                self.child.kill()
                return Failure("hung", f"the suspect took more than {self.limits.batch_seconds:g} seconds ({address})")
            return self.pipe.recv()
        except (EOFError, OSError):
            self.child.join()
            return Failure("died", f"the suspect's process ended with code {self.child.exitcode} ({address})")

    def _start(self) -> None:
        self.close()
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.child = context.Process(target=_serve, args=(theirs,), daemon=True)
        self.child.start()
        theirs.close()
        assert self.pipe.poll(START_SECONDS)
        self.pipe.recv()


def _serve(pipe: Connection) -> None:
    registry = fpframe.load_registry()
    queries: list[Query] = []
    pipe.send("ready")
    while True:
        kind, *given = pipe.recv()
        said = _open(queries, registry, *given) if kind == "open" else _ask(queries, *given)
        if isinstance(said, Failure):
            said = attrs.evolve(said, cause=None)  # exceptions stay where they were raised
        pipe.send(said)


def _open(queries: list[Query], registry: fpframe.Registry, address: str, request: OpeningRequest) -> Any:
    try:
        query = attrs.evolve(request, max_queries=None).open(address, registry)
    except (Exception, SystemExit) as error:
        return Failure.of(error, "refused", address=address)
    queries.append(query)
    return len(queries) - 1, Facts.of(query)


def _ask(queries: list[Query], number: int, pixels: Any) -> Any:
    said = answer(queries[number], torch.from_numpy(pixels))
    return said if isinstance(said, Failure) else (said.rows.numpy(), said.reading)
