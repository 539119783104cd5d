"""`OwnProcess`: each suspect is opened and asked in a process of its own, which is kept from all it does not need."""

from __future__ import annotations

import sys
import tempfile
import weakref

from fpframe.base import Address, Note
from fpframe.isolation.border import Session
from fpframe.isolation.child import Child
from fpframe.isolation.environment import seen_variables
from fpframe.isolation.failure import Failure
from fpframe.isolation.inprocess import Here, InProcess
from fpframe.isolation.interface import Isolation
from fpframe.isolation.journal import Journals
from fpframe.isolation.limits import Limits
from fpframe.isolation.request import OpeningRequest
from fpframe.isolation.scratch import remove_scratch
from fpframe.isolation.template import Template
from fpframe.opening import find_service
from fpframe.registry import Registry


class OwnProcess(Isolation):
    """Open and ask each suspect in a process of its own.

    The process has limits on memory and time, and sees no environment variables that may hold secrets. Where the
    system allows it, it has no network, writes no files, and can neither signal nor look into other processes; a note
    says where the system does not. `fpframe` itself imports nothing that a suspect brings, and reads from the process
    nothing but numbers and checked texts.

    All processes are forked from one that is started for the block, and imports what all of them need; the caller's
    main module is not imported. Where no such process can open a suspect, it is opened in this one, with a note: on
    other systems than Linux, with a registry of plugins that are not installed, and for functions of ``__main__``.
    """

    holds = frozenset({"batch_seconds", "total_seconds", "memory_bytes", "network", "variables"})

    def __init__(self, registry: Registry, limits: Limits | None = None, *, journals: Journals | None = None) -> None:
        super().__init__(registry, Limits.usual() if limits is None else limits, journals=journals)
        self._template: Template | None = None
        self._folder = ""
        self._children: weakref.WeakSet[Child] = weakref.WeakSet()

    def prepare(self) -> None:
        """Start what suspects' processes are forked from, and do not wait for it."""
        if self._template is None and not _why_here(self.registry):
            variables = seen_variables(self.limits.variables)
            self._folder = self._folder or tempfile.mkdtemp(prefix="fpframe-")
            self._template = Template(self.registry, variables)

    def start(self, address: str, request: OpeningRequest) -> Session | Failure:
        """Open the suspect at an address."""
        reason = _why_here(self.registry, address)
        if reason:
            return _in_this_process(InProcess(self.registry).start(address, request), reason)
        self.prepare()
        assert self._template is not None
        service = find_service(self.registry, address)
        child = Child(self._template, self, address, request, self._folder, service=service)
        self._children.add(child)
        return child.open()

    def close(self) -> None:
        """End all suspects, and the process that theirs were forked from."""
        for child in list(self._children):
            child.end()
        if self._template is not None:
            self._template.close()
            self._template = None
        if self._folder:
            remove_scratch(self._folder)
            self._folder = ""


def _why_here(registry: Registry, address: str = "") -> str:
    """Return why suspects cannot be opened in a process of their own, in words; empty where they can."""
    if sys.platform != "linux":
        return "processes are limited on Linux alone"
    if not sys.executable or getattr(sys, "frozen", False):
        return "this program is not run by a Python interpreter that could be started again"
    if not registry.discovered:
        return "its registry has plugins that are not installed, which another process would not find"
    parsed = Address.parse(address)
    if parsed.prefix == "python" and parsed.rest.startswith("__main__:"):
        return "the program that runs here is not run again elsewhere"
    return ""


def _in_this_process(session: Here | Failure, reason: str) -> Session | Failure:
    if isinstance(session, Here):
        session.query.notes += (
            Note(
                "suspect-not-isolated",
                f"The suspect ran in fpframe's own process, because {reason}: nothing limited its time and memory, or "
                "kept it from the network, from files and from secrets.",
            ),
        )
    return session
