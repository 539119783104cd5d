"""`Journal`: what a suspect answered, on disk as it comes, so that a questioning that ended can go on from there."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import os
import time
from collections import deque
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import torch
from torch import Tensor

from fpframe.base import canonical_json, parse_json
from fpframe.errors import ResourceError, UsageError
from fpframe.isolation.border import Answers, Facts, HowRead, Session
from fpframe.isolation.failure import Failure
from fpframe.isolation.messages import written_request
from fpframe.isolation.request import OpeningRequest
from fpframe.models import OUTPUTS, Reading, image_digests
from fpframe.store import Store

#: Raised when a journal is written otherwise.
_FORMAT = 1


@attrs.frozen
class Journals:
    """A folder of journals, one for each suspect that is questioned.

    Attributes:
        folder: where they are.
        resume: whether a questioning goes on where an earlier one of the same suspect ended.
    """

    folder: Path
    resume: bool = False
    _taken: list[Path] = attrs.field(factory=list, init=False)

    @classmethod
    def usual(cls, *, resume: bool = False) -> Journals:
        """Return those beside the store."""
        return cls(Store.default().root / "journals", resume)

    def of(self, facts: Facts, request: OpeningRequest, *, questions: str) -> Journal:
        """Return the journal of a suspect: the one that is there where it is to go on, and a new one otherwise.

        Args:
            facts: what is known of the suspect.
            request: how it was opened.
            questions: digest of what it will be sent.

        Raises:
            UsageError: there is no journal to go on with, or it cannot be read.
            ResourceError: none can be written.
        """
        about, name = _told(facts.address, facts.digest, request, questions)
        # numbered by time, so that nothing of an earlier run is written over
        mine = self.folder / f"{name}-{time.time_ns():020}.journal"
        if not self.resume:
            return Journal(mine, about)
        for path in sorted(self.folder.glob(f"{name}-*.journal"), reverse=True):
            if path in self._taken:
                continue
            try:
                path.rename(mine)  # of two that go on at once, one has it
            except FileNotFoundError:
                continue
            self._taken.append(mine)
            return Journal.read(mine, about)
        raise _nothing_kept(facts.address, self.folder)

    def ledger_of(self, address: str, request: OpeningRequest, *, questions: str) -> Path:
        """Return the file in which what is sent to a service is written down, in place of a journal; it is there then.

        Raises:
            UsageError: there is no earlier run to go on with.
            ResourceError: it cannot be made.
        """
        _, name = _told(address, "", request, questions)
        path = self.folder / f"{name}.ledger"
        if self.resume and not path.exists():
            raise _nothing_kept(address, self.folder)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        except OSError as error:
            raise ResourceError(
                f"what is sent cannot be written down: {error.strerror or error} ({path}); free space, or set "
                "FPFRAME_HOME to another folder"
            ) from error
        return path


@attrs.define(eq=False)
class Journal:
    """Answers in the order in which they came, each a line that is on disk before the next question is sent.

    Attributes:
        path: of the file, which is not there before the first answer.
        answered: how many images were answered, in this run and in the one that it goes on with.
    """

    path: Path
    _about: dict[str, Any]
    _kept: deque[tuple[list[str], Answers]] = attrs.field(factory=deque)
    answered: int = attrs.field(init=False)

    @answered.default
    def _count(self) -> int:
        return sum(len(images) for images, _ in self._kept)

    @classmethod
    def read(cls, path: Path, about: dict[str, Any]) -> Journal:
        """Read a journal; a last line that was cut off is dropped.

        Raises:
            UsageError: it is damaged, or of another suspect or other questions.
        """
        content = path.read_bytes()
        whole = content[: content.rfind(b"\n") + 1]
        try:
            head, *lines = [parse_json(line) for line in whole.splitlines()]
            kept = deque(_read_line(line) for line in lines)
        except ValueError as error:
            raise UsageError(f"the journal cannot be read: {error} ({path}); leave out --resume") from error
        if head != about:
            raise UsageError(f"the journal is of another suspect or other questions ({path}); leave out --resume")
        if len(whole) < len(content):
            os.truncate(path, len(whole))
        return cls(path, about, kept)

    @property
    def settled(self) -> HowRead | None:
        """How answers were read when the last of them came; ``None`` where that was still open."""
        last = self._kept[-1][1].reading if self._kept else None
        return last if last is not None and last.outputs != "auto" else None

    def recall(self, pixels: Tensor) -> Answers | None:
        """Return what was answered to this batch ``(N, C, H, W)``; ``None`` where nothing is left of an earlier run.

        Raises:
            UsageError: something else was asked then.
        """
        if not self._kept:
            return None
        images, answers = self._kept[0]
        if images != _digests(pixels):
            raise UsageError(
                f"other images, or other batches, were sent when the journal was written ({self.path}); leave out "
                "--resume, or use the same options as then"
            )
        self._kept.popleft()
        return answers

    def keep(self, pixels: Tensor, answers: Answers) -> None:
        """Write what was answered to a batch, and return when it is on disk.

        Raises:
            ResourceError: it cannot be written.
        """
        line = canonical_json(_line(pixels, answers))
        self.answered += len(pixels)
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a", encoding="utf-8") as file:
                if not file.tell():
                    file.write(canonical_json(self._about) + "\n")
                file.write(line + "\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise ResourceError(
                f"the suspect's answers cannot be kept: {error.strerror or error} ({self.path}); free space, or set "
                "FPFRAME_HOME to another folder"
            ) from error

    def remove(self) -> None:
        """Remove the file, once there is a verdict."""
        self.path.unlink(missing_ok=True)


@attrs.frozen(eq=False)
class JournalledSession:
    """A suspect whose answers are kept as they come, and are not asked for again where they are there already.

    Attributes:
        session: the suspect.
        journal: where they are kept.
        settled: how answers of an earlier run were read, to which later ones are held; ``None`` in a first run.
    """

    session: Session
    journal: Journal
    settled: HowRead | None = None

    @property
    def facts(self) -> Facts:
        """What is known of it."""
        return self.session.facts

    def ask(self, pixels: Tensor) -> Answers | Failure:
        """Return its answers to one batch."""
        known = self.journal.recall(pixels)
        if known is not None:
            return known
        said = self.session.ask(pixels)
        if isinstance(said, Failure):
            return said
        if self.settled is not None:  # it was read on its first answers, which it was not asked for this time
            said = attrs.evolve(said, reading=self.settled)
        self.journal.keep(pixels, said)
        return said


def _told(address: str, digest: str, request: OpeningRequest, questions: str) -> tuple[dict[str, Any], str]:
    """Return what is written at the head of a journal, and the name that it has by that."""
    told = {
        "format": _FORMAT,
        "suspect": {"address": address, "digest": digest, **_place(digest)},
        "questions": questions,
        "opened": {
            name: value
            for name, value in written_request(request).items()
            if name not in ("max_queries", "device", "terms")
        },
    }
    told = json.loads(canonical_json(told))
    return told, hashlib.sha256(canonical_json(told).encode()).hexdigest()[:16]


def _nothing_kept(address: str, folder: Path) -> UsageError:
    return UsageError(
        f"no answers of an earlier run are kept for '{address}', opened in this way and asked these questions "
        f"({folder}); leave out --resume"
    )


def _place(digest: str) -> dict[str, str]:
    """Return where a suspect is that no digest tells from others: in other folders an address may name another one."""
    if digest:
        return {}
    try:
        return {"folder": str(Path.cwd())}
    except OSError:
        return {}  # somebody has removed it


def _digests(pixels: Tensor) -> list[str]:
    return [digest.hex() for digest in image_digests((pixels * 255).round().to(torch.uint8))]


def _line(pixels: Tensor, answers: Answers) -> dict[str, Any]:
    rows, how = answers.rows.detach().cpu().float().numpy(), answers.reading
    return {
        "images": _digests(pixels),
        "rows": base64.b64encode(rows.tobytes()).decode(),
        "classes": rows.shape[1],
        "outputs": how.outputs,
        "channel": how.channel,
        "reading": how.reading and how.reading.to_dict(),
    }


def _read_line(line: Any) -> tuple[list[str], Answers]:
    try:
        if not all(isinstance(digest, str) for digest in line["images"]):
            raise TypeError("digests of images are texts")
        rows = np.frombuffer(base64.b64decode(line["rows"], validate=True), dtype=np.float32)
        rows = rows.reshape(len(line["images"]), line["classes"]).copy()
        if line["outputs"] not in OUTPUTS:
            raise ValueError(f"no answers are read as {line['outputs']!r}")
        reading = None if line["reading"] is None else Reading.from_dict(line["reading"])
        channel = line["channel"]
        if not (channel is None or isinstance(channel, str)):
            raise TypeError("a channel is a text")
    except (KeyError, TypeError, ValueError, binascii.Error) as error:
        raise UsageError(f"the journal is damaged: {error}; leave out --resume") from error
    return line["images"], Answers(rows=torch.from_numpy(rows), reading=HowRead(line["outputs"], channel, reading))
