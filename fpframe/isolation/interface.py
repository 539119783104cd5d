"""`Isolation`: a way in which suspects are opened and asked."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from abc import ABC, abstractmethod
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self, final

import attrs

from fpframe.base import Note, as_address
from fpframe.isolation.border import IsolatedQuery, Session
from fpframe.isolation.failure import Failure
from fpframe.isolation.journal import Journal, JournalledSession, Journals
from fpframe.isolation.limits import Limits
from fpframe.isolation.request import OpeningRequest
from fpframe.models import Query
from fpframe.opening import Suspect, find_service
from fpframe.registry import Registry
from fpframe.spending import LedgerView


class Isolation(ABC):
    """Open suspects somewhere, as a block that ends whatever it has started.

    Args:
        registry: where suspect and backbone sources come from.
        limits: what each suspect may use.
        journals: where the answers of suspects with an address are kept as they come; ``None`` keeps none.

    Attributes:
        holds: names of the limits that this way holds a suspect to; a note says which of those given it does not.
    """

    holds: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, registry: Registry, limits: Limits | None = None, *, journals: Journals | None = None) -> None:
        self.registry = registry
        self.limits = limits or Limits()
        self.journals = journals
        #: The journals of the suspects with an address, in the order in which they were opened.
        self.kept: list[Journal | LedgerView] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def prepare(self) -> None:
        """Begin with what suspects will need, and do not wait for it."""
        return

    @final
    def open(self, suspect: Suspect, request: OpeningRequest, *, questions: str = "") -> Query:
        """Return counted access to a suspect. Nothing is asked yet.

        An object of the caller's own process stays there: a network, a function, an open query.

        Args:
            suspect: the suspect.
            request: how it is opened.
            questions: digest of what it will be sent, by which a journal of it is found again.

        Raises:
            UsageError: nothing opens such a suspect, or an option is missing, wrong or does not apply to it.
            ModelError: it is missing, damaged, or does not fit the victim's classes and images.
            DeadSuspectError: its process ended.
            HungSuspectError: it took longer than it may.
        """
        if not isinstance(suspect, str | Path):
            return request.open(suspect, self.registry)
        query = self._opened(as_address(suspect), request, questions)
        query.notes += tuple(
            Note(
                "limit-not-held",
                f"The limit {name} = {getattr(self.limits, name)} was not enforced: suspects that are opened this way "
                "cannot be held to it.",
            )
            for name in sorted(self.limits.given - self.holds)
        )
        return query

    def _opened(self, address: str, request: OpeningRequest, questions: str) -> IsolatedQuery:
        if find_service(self.registry, address) is not None:
            return self._service(address, request, questions)
        session = self._started(address, request)
        if self.journals is not None:
            session = self._journalled(session, self.journals, request, questions)
        return IsolatedQuery(session, request)

    def _service(self, address: str, request: OpeningRequest, questions: str) -> IsolatedQuery:
        """Return a service, which has a ledger of its own in place of a journal."""
        terms, folder = attrs.evolve(request.terms, questions=questions), ""
        if terms.ledger:
            path = Path(terms.ledger).absolute()
            path.touch()
        elif self.journals is not None:
            path = self.journals.ledger_of(address, request, questions=questions).absolute()
            terms = attrs.evolve(terms, resume=self.journals.resume)
        else:
            folder = tempfile.mkdtemp(prefix="fpframe-ledger-")
            path = Path(folder, "service.ledger")
            path.touch()
        try:
            request = attrs.evolve(request, terms=attrs.evolve(terms, ledger=str(path)))
            query = IsolatedQuery(self._started(address, request), request)
        finally:
            if folder:
                weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        view = LedgerView(path)
        query.meter = view
        if not folder:
            query.journal = view
            self.kept.append(view)
        return query

    def _started(self, address: str, request: OpeningRequest) -> Session:
        started = self.start(address, request)
        if isinstance(started, Failure):
            started.throw()
        return started

    def _journalled(
        self, session: Session, journals: Journals, request: OpeningRequest, questions: str
    ) -> JournalledSession:
        """Return a suspect whose answers are kept, opened anew where it is known already how they are read."""
        journal = journals.of(session.facts, request, questions=questions)
        self.kept.append(journal)
        settled = journal.settled
        if settled is not None and request.outputs == "auto":
            session = self._started(session.facts.address, attrs.evolve(request, outputs=settled.outputs))
        return JournalledSession(session, journal, settled)

    @abstractmethod
    def start(self, address: str, request: OpeningRequest) -> Session | Failure:
        """Open the suspect at an address; images are counted by the caller."""

    @abstractmethod
    def close(self) -> None:
        """End whatever was started. It may be called twice."""
