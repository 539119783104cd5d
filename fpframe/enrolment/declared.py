"""What the manifest and the table of scores of an enrolment may say: names, types and ranges, and nothing else.

Somebody else may have written them. What follows from other members is looked at in `fpframe.enrolment.consistency`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeVar

import attrs
import cattrs

from fpframe.base import explain, make_converter
from fpframe.decision import Standard
from fpframe.enrolment.calibration import CalibrationModel
from fpframe.errors import ParameterError
from fpframe.interfaces import ComponentSpec
from fpframe.models import QueryPart, is_channel
from fpframe.parameters import number, some, whole

#: Letters that a name or an address has at most; a sentence may have more.
_LONGEST, _SENTENCE = 2_000, 20_000
Kind = TypeVar("Kind")
_SHA256 = re.compile(r"[0-9a-f]{64}")


def _refuse(owner: object, field: attrs.Attribute[Any], expected: str, value: object) -> None:
    raise ParameterError(f"'{field.name}' of '{type(owner).__name__}' must be {expected} (got {str(value)[:80]!r})")


def _text(owner: object, field: attrs.Attribute[Any], value: str) -> None:
    if not 0 < len(value) <= _LONGEST:
        _refuse(owner, field, f"a text of 1 to {_LONGEST} letters", value)


def _text_or_none(owner: object, field: attrs.Attribute[Any], value: str) -> None:
    if value:
        _text(owner, field, value)


def _texts(owner: object, field: attrs.Attribute[Any], values: tuple[str, ...]) -> None:
    for value in values:
        _text(owner, field, value)
    if len(set(values)) < len(values):
        _refuse(owner, field, "a list without repeats", values)


def _digest(owner: object, field: attrs.Attribute[Any], value: str) -> None:
    if not _SHA256.fullmatch(value):
        _refuse(owner, field, "a SHA-256", value)


def _channels(owner: object, field: attrs.Attribute[Any], values: tuple[str, ...]) -> None:
    some(owner, field, values)
    _texts(owner, field, values)
    for value in values:
        if not is_channel(value):
            _refuse(owner, field, "a list of channels", value)


def _shares(owner: object, field: attrs.Attribute[Any], values: tuple[float, ...]) -> None:
    for value in values:
        number(low=0, high=1)(owner, field, value)


def _sizes(owner: object, field: attrs.Attribute[Any], values: tuple[float, ...]) -> None:
    for value in values:
        number(low=0)(owner, field, value)


@attrs.frozen(kw_only=True)
class VictimFacts:
    """What is said of the victim; all of it is required, but for the base of one that was fine-tuned."""

    address: str = attrs.field(validator=_text_or_none)
    backbone: str = attrs.field(validator=_text)
    absent: tuple[str, ...] = attrs.field(validator=_texts)
    digest: str = attrs.field(validator=_digest)
    key: str = attrs.field(validator=_digest)
    images: str = attrs.field(validator=_digest)
    pool: str = attrs.field(validator=_digest)
    accuracy: float = attrs.field(validator=number(low=0, high=1))
    fooling_rate: tuple[float, ...] = attrs.field(validator=_shares)
    max_abs_delta: tuple[float, ...] = attrs.field(validator=_sizes)
    base: str | None = attrs.field(default=None, validator=attrs.validators.optional(_digest))


@attrs.frozen(kw_only=True)
class Profile:
    """The machine that it was made on. It decides nothing, and is in no digest of the enrolment."""

    cpu_capability: str = attrs.field(validator=_text)
    machine: str = attrs.field(validator=_text)
    python: str = attrs.field(validator=_text)
    threads: int = attrs.field(validator=whole(low=1))
    torch: str = attrs.field(validator=_text)
    bfloat16: str = attrs.field(default="none", validator=_text)
    cuda: str = attrs.field(default="none", validator=_text)


@attrs.frozen(kw_only=True)
class Declared:
    """What a manifest says of an enrolment besides its members, its format and its assumptions."""

    scheme: str = attrs.field(validator=_text)
    encoder: ComponentSpec
    encoder_revision: int = attrs.field(validator=whole(low=0))
    parts: tuple[QueryPart, ...] = attrs.field(validator=some)
    channels: tuple[str, ...] = attrs.field(validator=_channels)
    victim: VictimFacts
    classes: tuple[str, ...] = attrs.field(validator=[some, _texts])
    profile: Profile

    @parts.validator
    def _check_parts(self, _: object, parts: tuple[QueryPart, ...]) -> None:
        field, end = attrs.fields(Declared).parts, 0
        for part in parts:
            if part.start != end or part.points < 1:
                _refuse(self, field, "a list of parts that follow one another, from 0", part)
            end += part.points * (2 if part.pair else 1)

    @property
    def queries(self) -> int:
        """The number of queries of a view, which the parts divide among themselves."""
        last = self.parts[-1]
        return last.start + last.points * (2 if last.pair else 1)


@attrs.frozen(kw_only=True)
class Scored:
    """What the table of scores says."""

    source: str = attrs.field(validator=_text)
    models: tuple[CalibrationModel, ...] = attrs.field(validator=some)
    filters: tuple[str, ...]
    view_scores: dict[str, Any]
    standards: Mapping[str, Standard]


def read_declared(about: Mapping[str, Any]) -> Declared:
    """Return what a manifest says.

    Raises:
        ValueError: names the entry, and what is wrong with it.
    """
    told = {field.name: about[field.name] for field in attrs.fields(Declared) if field.name in about}
    declared: Declared = _read(told, Declared, "the manifest")
    return declared


def read_scored(stored: object) -> Scored:
    """Return what the table of scores says.

    Raises:
        ValueError: names the entry, and what is wrong with it.
    """
    scored: Scored = _read(stored, Scored, "calibration.json")
    return scored


def check_sentences(stored: object) -> None:
    """Refuse what is not a list of sentences of readable length, with codes or without.

    Raises:
        ValueError: it is something else.
    """
    if not isinstance(stored, list):
        raise ValueError("the assumptions in the manifest are not a list")
    for entry in stored:
        texts = list(entry.values()) if isinstance(entry, dict) else [entry]
        if any(isinstance(text, str) and len(text) > _SENTENCE for text in texts):
            raise ValueError(f"an assumption in the manifest has more than {_SENTENCE} letters")


def _read(stored: object, kind: type[Kind], what: str) -> Kind:
    try:
        return _CONVERTER.structure(stored, kind)
    except (cattrs.BaseValidationError, TypeError) as error:
        raise ValueError(
            f"{what}: {explain(error) if isinstance(error, cattrs.BaseValidationError) else error}"
        ) from error


_CONVERTER = make_converter(
    [ComponentSpec, QueryPart, CalibrationModel, Standard, VictimFacts, Profile, Declared, Scored]
)
