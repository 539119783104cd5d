"""Facts, readings and failures as JSON, and back. What comes from a suspect's process is checked member by member."""

from __future__ import annotations

import re
from typing import Any

import attrs

from fpframe.base import Note
from fpframe.isolation.border import Facts, HowRead
from fpframe.isolation.failure import Failure
from fpframe.isolation.request import OpeningRequest
from fpframe.models import OUTPUTS, PROBS, TOP1, Outputs, Reading
from fpframe.spending import Terms

#: Letters that are kept of one text of a suspect, and how many notes and names of classes of it.
_LETTERS, _NOTES, _CLASSES = 2000, 64, 100_000


def written_request(request: OpeningRequest) -> dict[str, Any]:
    """Return a request as JSON-able data."""
    plain = {"preparation": str(request.preparation), "terms": attrs.asdict(request.terms)}
    return {**attrs.asdict(request, recurse=False), **plain}


def read_request(data: dict[str, Any]) -> OpeningRequest:
    """Return the request of what `written_request` returned."""
    again = {
        "image_shape": tuple(data["image_shape"]),
        "classes": tuple(data["classes"]),
        "terms": Terms(**data["terms"]),
    }
    return OpeningRequest(**{**data, **again})


def written_facts(facts: Facts) -> dict[str, Any]:
    """Return what is known of a suspect as JSON-able data."""
    return {
        "is": "facts",
        "digest": facts.digest,
        "architecture": facts.architecture,
        "preparation": facts.preparation,
        "notes": [note.to_dict() for note in facts.notes],
        "reading": written_reading(facts.reading),
        "class_names": list(facts.class_names),
    }


def read_facts(data: dict[str, Any], address: str) -> Facts:
    """Return what a process says of the suspect at an address.

    Raises:
        ValueError: that cannot be.
    """
    digest, notes, names = data["digest"], data["notes"], data["class_names"]
    if not isinstance(digest, str) or not re.fullmatch(r"([0-9a-f]{64})?", digest):
        raise ValueError("a digest that is none")
    if not isinstance(notes, list) or len(notes) > _NOTES:
        raise ValueError("notes that are none, or too many")
    if not isinstance(names, list) or len(names) > _CLASSES:
        raise ValueError("names of classes that are none, or too many")
    read = [Note.from_dict(note) for note in notes]
    return Facts(
        address=address,
        digest=digest,
        architecture=_text(data["architecture"]),
        preparation=_text(data["preparation"]),
        notes=tuple(attrs.evolve(note, text=_text(note.text)) for note in read),
        reading=read_reading(data["reading"]),
        class_names=tuple(map(_text, names)),
    )


def written_reading(reading: HowRead) -> dict[str, Any]:
    """Return how answers are read as JSON-able data."""
    found = reading.reading
    return {"outputs": reading.outputs, "channel": reading.channel, "reading": found and found.to_dict()}


def read_reading(data: dict[str, Any]) -> HowRead:
    """Return how a process says that answers are read.

    Raises:
        ValueError: that cannot be.
    """
    outputs, channel, found = data["outputs"], data["channel"], data["reading"]
    if outputs not in OUTPUTS or channel not in (None, PROBS, TOP1):
        raise ValueError("answers that are read in no known way")
    reading = None
    if found is not None:
        printable = {name: _text(value) if isinstance(value, str) else value for name, value in found.items()}
        reading = Reading.from_dict(printable)
    known: Outputs = outputs
    return HowRead(known, channel, reading)


def written_failure(failure: Failure) -> dict[str, Any]:
    """Return a failure as JSON-able data; exceptions stay where they were raised."""
    return {"is": "failure", "outcome": failure.outcome, "text": failure.text, "kind": failure.kind}


def read_failure(data: dict[str, Any]) -> Failure:
    """Return what a process says of its failure.

    Raises:
        ValueError: that cannot be.
    """
    outcome, kind = data["outcome"], data["kind"]
    if outcome not in ("died", "refused", "raised"):  # that it hung is for others to say
        raise ValueError("a failure of no known kind")
    if not isinstance(kind, str):
        raise ValueError("an error of no known kind")
    return Failure(outcome, _text(data["text"]), kind)


def _text(value: Any) -> str:
    """Return a text without what a terminal would obey, and not too long."""
    if not isinstance(value, str):
        raise ValueError("a text that is none")
    return "".join(letter if letter.isprintable() else " " for letter in value[:_LETTERS])
