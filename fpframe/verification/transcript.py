"""`Transcript`: every answer that a suspect gave, on file, and asked again from there."""

from __future__ import annotations

import io
import json
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import torch
from torch import Tensor

from fpframe.base import Note, parse_json, read_arrays, why_unread
from fpframe.enrolment import Enrolment
from fpframe.errors import DataError, RefusedQueryError, UsageError, first_line
from fpframe.isolation import OpeningRequest
from fpframe.models import OUTPUTS, TOP1, Outputs, Query, ReadAlready, Reading, image_digests
from fpframe.store import refuse_file, write_durably
from fpframe.verification.probes import asking_order


class NotRecordedError(UsageError):
    """A question that recorded answers hold no answer to."""


@attrs.frozen(kw_only=True, eq=False)
class Transcript:
    """What a suspect was asked, and what it answered, in the order of asking.

    Attributes:
        images: SHA-256 of each image, ``(N, 32)`` bytes; see `fpframe.models.queryset.image_digests`.
        answers: probabilities ``(N, K)``, one-hot for labels; answers that were not finite are kept so.
        about: ``queries`` (digest of the query set), ``suspect`` (address and digest), ``outputs``, ``reading`` (how
            raw answers were read, and why), ``channel`` (as it was known from the way of asking), ``notes``, and
            ``class_names`` (what its own files call its classes), and ``service`` (which service answered, and when;
            for services alone).
    """

    images: np.ndarray
    answers: np.ndarray
    about: dict[str, Any]

    def save(self, path: str | Path, *, force: bool = False) -> None:
        """Write ``.npz``: ``answers``, ``images`` and ``about`` (JSON text).

        Raises:
            UsageError: the file exists and `force` is not set, or it is a folder.
            ResourceError: it cannot be written.
        """
        path = Path(path)
        refuse_file(path, force=force)
        content = io.BytesIO()
        about = np.array(json.dumps(self.about, sort_keys=True))
        np.savez_compressed(content, answers=self.answers, images=self.images, about=about)
        write_durably(path, content.getvalue())


def identity(query: Query) -> dict[str, str]:
    """Return which model a suspect is; its architecture and how images are prepared for it only where that is known."""
    known = {"architecture": query.architecture, "preparation": query.preparation}
    return {"address": query.address, "digest": query.digest, **{name: text for name, text in known.items() if text}}


def service_of(query: Query) -> dict[str, Any]:
    """Return which service answered, and when; nothing for whatever is not one."""
    if isinstance(query, RecordedQuery):
        return query.service
    return {} if query.meter is None else query.meter.evidence()


def is_service(query: Query) -> bool:
    """Tell whether a suspect is a service, or what one answered."""
    return bool(query.service) if isinstance(query, RecordedQuery) else query.meter is not None


class RecordedQuery(Query):
    """Recorded answers in place of the suspect that gave them.

    An image that was asked several times is answered in the order of the record; asked more often than it was recorded,
    it is answered the same again. A service that was recorded once with each image had refused it when it was asked
    again, and refuses it here too.
    """

    def __init__(
        self, keys: list[bytes], answers: np.ndarray, about: dict[str, Any], *, once: bool, **options: Any
    ) -> None:
        suspect = about.get("suspect", {})
        options["address"] = suspect.get("address", options["address"])
        if "outputs" in about:  # a transcript holds probabilities
            options["reader"] = ReadAlready(options["num_classes"])
        super().__init__(self._look_up, digest=suspect.get("digest", ""), **options)
        self.architecture = suspect.get("architecture", "")
        self.preparation = suspect.get("preparation", "")
        #: Which service answered, as it was written down then; empty for other suspects.
        self.service: dict[str, Any] = about.get("service", {})
        self._channel = about.get("channel")
        self._said = about.get("outputs")
        self._was_read = Reading.from_dict(about["reading"]) if about.get("reading") else None
        self._recorded: dict[bytes, deque[np.ndarray]] = {}
        for key, row in zip(keys, answers, strict=True):
            self._recorded.setdefault(key, deque()).append(row)
        self._once = {key for key, rows in self._recorded.items() if len(rows) == 1} if self.service else set()
        self._seen: set[bytes] = set()
        self.notes = (*_notes(about), *_recorded_caveats(named="queries" in about, once=once))

    @property
    def channel(self) -> str | None:
        """What the answers were known to reveal when they were recorded."""
        return TOP1 if self._channel == TOP1 else super().channel

    @property
    def outputs(self) -> Outputs:
        """How the suspect's raw answers were read."""
        return self._said or super().outputs

    @property
    def reading(self) -> Reading | None:
        """How the suspect's raw answers were read, and why; ``None`` where that is not known, or not yet."""
        return self._was_read or super().reading

    def _look_up(self, pixels: Tensor) -> np.ndarray:
        keys = image_digests((pixels * 255).round().to(torch.uint8))
        lacking = sum(key not in self._recorded for key in keys)
        if lacking:
            raise NotRecordedError(
                f"{lacking} of {len(keys)} images that are asked now have no recorded answer ({self.address}); answers "
                "that an early stop left incomplete are verified with --sequential, as they were recorded; otherwise "
                "ask the suspect again"
            )
        if not self._once.isdisjoint(self._seen.intersection(keys)):
            raise RefusedQueryError(f"the service did not answer these images a second time ({self.address})")
        self._seen.update(keys)
        rows = [self._recorded[key] for key in keys]
        return np.stack([row.popleft() if len(row) > 1 else row[0] for row in rows])


def open_recorded(path: str | Path, enrolment: Enrolment, request: OpeningRequest | None = None) -> RecordedQuery:
    """Return recorded answers as a suspect that can be questioned again.

    Args:
        path: an ``.npz`` that holds ``answers``: a `Transcript`, or what a third party wrote down. Without ``images``
            they are answers to everything that was exported in its order ``(N, K)``, to all but the images on ability,
            or to the queries alone, ``(V * Q, K)`` or ``(V, Q, K)``; labels lack the last axis.
        enrolment: the enrolment that the suspect was asked for.
        request: how suspects are opened: how answers are to be read, where the file does not say so itself, and which
            classes they are about; ``None`` for the victim's.

    Raises:
        DataError: the file is missing or damaged, or its answers belong to other queries.
    """
    path, queries = Path(path), enrolment.queries
    told = 0 if request is None else request.num_classes
    answers, images, about = _read(path, _most(enrolment, classes=max(told, len(enrolment.classes))))
    if about.get("queries", queries.digest) != queries.digest:
        raise DataError(f"these answers were given to another query set ({path}); name the enrolment they belong to")
    if images is not None:
        keys = [row.tobytes() for row in images]
    else:
        views = (queries.views, queries.images.shape[1])
        if answers.shape[:2] == views:
            answers = answers.reshape(queries.queries, *answers.shape[2:])
        keys = _keys(len(answers), enrolment, path)
    once = images is None and len(keys) == queries.queries
    names = tuple(about.get("class_names", ()))
    query = RecordedQuery(
        keys,
        answers,
        about,
        once=once,
        num_classes=len(names) or (len(enrolment.classes) if request is None else request.num_classes),
        classes=enrolment.classes if request is None else request.classes,
        outputs="auto" if request is None else request.outputs,
        address=str(path),
    )
    query.class_names = names
    return query


def _keys(count: int, enrolment: Enrolment, path: Path) -> list[bytes]:
    """Return which images that many answers, in the order of asking, were given to.

    Raises:
        DataError: no part of the order has so many.
    """
    queries, able = enrolment.queries, len(enrolment.able)
    everything = image_digests(asking_order(queries, enrolment.able))
    parts = {
        len(everything): everything,
        len(everything) - able: everything[able:],
        queries.queries: everything[able:][: queries.queries],
    }
    if count not in parts:
        raise DataError(
            f"{count} answers do not fit {queries.queries} queries, or {len(everything)} with the probes and the "
            f"images on ability ({path}); 'fpframe queries export' writes what to ask, in order"
        )
    return parts[count]


def _most(enrolment: Enrolment, *, classes: int) -> int:
    """Return how many bytes recorded answers have at most: each image may have been asked a few times."""
    images = enrolment.queries.queries + len(enrolment.able)
    row = 8 * classes + 4 * max(map(len, enrolment.classes)) + 32
    return 2**24 + 16 * images * row


def _read(path: Path, most: int) -> tuple[np.ndarray, np.ndarray | None, dict[str, Any]]:
    try:
        file = read_arrays(path, most=most)
        if "answers" not in file:
            raise ValueError("it holds no 'answers'")
        answers, images = file["answers"], file.get("images")
        about = parse_json(str(file["about"])) if "about" in file else {}
        if "queries" in file:  # a third party need not write more than this
            about["queries"] = str(file["queries"])
    except (OSError, ValueError, TypeError) as error:
        reason = why_unread(error) if isinstance(error, OSError) else f"it is not such an .npz: {first_line(error)}"
        raise DataError(
            f"cannot read recorded answers: {reason} ({path}); 'fpframe verify --save-answers' writes such files, and "
            "'fpframe queries export' says how to write them"
        ) from error
    names = answers.dtype.kind == "U" and answers.ndim == 1 and "outputs" not in about
    kinds = (names or (answers.dtype.kind in "fiub" and answers.ndim in (1, 2, 3))) and _is_about(about)
    if not kinds or (images is not None and (images.dtype != np.uint8 or images.shape != (len(answers), 32))):
        raise DataError(
            f"recorded answers have the wrong form ({path}); write 'answers' as (N, K) numbers, or as (N,) labels or "
            "names of classes"
        )
    if names:
        return answers, images, about
    return answers.astype(np.float32) if answers.dtype.kind == "f" else answers.astype(np.int64), images, about


def _notes(about: dict[str, Any]) -> list[Note]:
    """Return what was said of the suspect when it was opened; older files hold bare sentences."""
    return [Note.read(stored, bare="suspect-source") for stored in about.get("notes", ())]


def _recorded_caveats(*, named: bool, once: bool) -> Iterator[Note]:
    """Yield what follows from answers being recorded.

    Args:
        named: whether the file says which queries it answers.
        once: whether each image was recorded only once.
    """
    yield Note("answers-recorded", "The answers were recorded earlier, and are taken to be the suspect's.")
    if not named:
        yield Note("queries-not-named", "The file of answers does not say which queries it answers; it was trusted.")
    if once:
        yield Note(
            "recorded-once", "Each image was recorded once, so nobody can see whether answers change between repeats."
        )


def _is_about(about: object) -> bool:
    """Tell whether a file that anybody may have written says what a transcript says."""
    if not isinstance(about, dict):
        return False
    suspect = about.get("suspect", {})
    words = [about.get(name) for name in ("queries", "channel")]
    return (
        isinstance(suspect, dict)
        and all(isinstance(value, str) for value in suspect.values())
        and _are_notes(about.get("notes", []))
        and about.get("outputs") in (None, *OUTPUTS)
        and isinstance(about.get("service", {}), dict)
        and _is_reading(about.get("reading"))
        and _are_names(about.get("class_names", []))
        and all(word is None or isinstance(word, str) for word in words)
    )


def _is_reading(stored: object) -> bool:
    try:
        return stored is None or (isinstance(stored, dict) and bool(Reading.from_dict(stored)))
    except ValueError:
        return False


def _are_notes(stored: object) -> bool:
    try:
        return isinstance(stored, list) and len(_notes({"notes": stored})) == len(stored)
    except ValueError:
        return False


def _are_names(stored: object) -> bool:
    return isinstance(stored, list) and all(isinstance(name, str) for name in stored)
