"""The JSON of a verdict: which fields it has, and how they are read back."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from importlib import resources
from typing import Any, Literal, TypeVar

import attrs
import cattrs
from cattrs.errors import IterableValidationNote

from fpframe.base import Note, explain, make_converter, without_nan
from fpframe.decision import StratumResult, Test, Word
from fpframe.errors import DataError
from fpframe.verification.choices import Choice
from fpframe.verification.looks import Look

#: Raised when a field is added, removed or means something else; new codes of notes do not raise it.
SCHEMA_VERSION = 2
Kind = TypeVar("Kind")
_REMEDY = "; give what 'Verdict.to_dict' returned"


@attrs.frozen(kw_only=True)
class SuspectFields:
    """Which model the suspect is."""

    address: str
    digest: str
    architecture: str = ""
    preparation: str = ""


@attrs.frozen(kw_only=True)
class ReadingFields:
    """How the suspect's answers were read, and why; see `fpframe.models.answers.Reading`."""

    kind: str
    told: bool
    evidence: str
    converted: str
    doubt: str


@attrs.frozen(kw_only=True)
class ClassFields:
    """Which of the victim's classes the suspect tells, and how that is known; see `fpframe.models.classes.ClassMap`."""

    how: Literal["order", "named", "own", "matched"]
    means: tuple[int | None, ...]
    names: tuple[str, ...]
    shared: int
    victim: int
    queries: int


@attrs.frozen(kw_only=True)
class SettingFields:
    """How the suspect was opened and asked, as far as that was said."""

    outputs: str
    reading: ReadingFields | None = None
    classes: ClassFields | None = None
    match_classes: bool = False
    backbone: str | None = None
    preparation: str | None = None
    read_output: str | None = None
    device: str = ""
    batch_size: int = 0
    max_queries: int | None = None
    trust_code: bool = False
    channel: str = ""
    through: str = ""


@attrs.frozen(kw_only=True)
class ChoiceFields:
    """Whether each was settled by the enrolment, or chosen afterwards."""

    alpha: Choice
    test: Choice
    channel: Choice
    through: Choice
    classes: Choice


@attrs.frozen(kw_only=True)
class Abilities:
    """How able suspect and victim are, on labelled images that nobody chose by their answers.

    Attributes:
        images: how many images these are; 0 where the enrolment has none.
        suspect: the share that the suspect gets right; NaN where it was not asked.
        victim: the share that the victim gets right.
    """

    images: int = 0
    suspect: float = math.nan
    victim: float = math.nan


@attrs.frozen(kw_only=True)
class VerdictFields:
    """The fields of a verdict's JSON, in their order; `Verdict` has an attribute for each."""

    schema_version: int
    verdict: Word
    sentence: str
    score: float
    interval: tuple[float, ...]
    p_value: float
    alpha: float
    test: Test
    certify: bool
    reason: str
    reason_code: str
    strata: dict[str, StratumResult]
    channel: str
    through: str
    view_scores: tuple[float, ...]
    views: int
    stopped: Literal["", "derived", "futile"]
    looks: tuple[Look, ...]
    ability: Abilities
    queries: int
    saved: int
    suspect: dict[str, Any]
    scheme: str
    enrolment: str
    settings: dict[str, Any]
    choices: dict[str, Any]
    caveats: tuple[Note, ...]


def write_fields(verdict: object) -> dict[str, Any]:
    """Return the fields of a verdict as JSON-able data; NaN becomes ``None``."""
    cleaned: dict[str, Any] = without_nan(
        {field.name: _plain(getattr(verdict, field.name)) for field in attrs.fields(VerdictFields)}
    )
    return cleaned


def read_fields(data: Mapping[str, Any]) -> VerdictFields:
    """Return the fields of a verdict from JSON-able data; ``None`` in the place of a number becomes NaN.

    Raises:
        DataError: it has another schema version, or a key is missing, unknown or of the wrong type.
    """
    if not isinstance(data, Mapping):
        raise DataError(f"a verdict is an object with its fields, and not a {type(data).__name__}{_REMEDY}")
    version = data.get("schema_version")
    if type(version) is not int or version != SCHEMA_VERSION:
        raise DataError(
            f"'schema_version' of a verdict must be {SCHEMA_VERSION} (got {version!r}); read it with the release that "
            "wrote it"
        )
    fields = _read(dict(data), VerdictFields)
    _read(fields.suspect, SuspectFields, "suspect.")
    _read(fields.settings, SettingFields, "settings.")
    _read(fields.choices, ChoiceFields, "choices.")
    if len(fields.interval) != 2:
        raise DataError(f"this is not a verdict: 'interval' has {len(fields.interval)} ends{_REMEDY}")
    return fields


def verdict_schema() -> dict[str, Any]:
    """Return the JSON schema (draft 2020-12) of a verdict."""
    text = resources.files("fpframe.verification").joinpath("verdict.schema.json").read_text(encoding="utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema


def _read(value: dict[str, Any], kind: type[Kind], path: str = "") -> Kind:
    try:
        return _CONVERTER.structure(value, kind)
    except cattrs.BaseValidationError as error:
        raise DataError(f"this is not a verdict: {explain(error, path)}{_REMEDY}") from error


def _plain(value: Any) -> Any:
    if attrs.has(type(value)):
        return attrs.asdict(value)
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, tuple | list) else value


def _converter() -> cattrs.Converter:
    converter = make_converter(
        [StratumResult, Look, Abilities, Note, SuspectFields, SettingFields, ReadingFields, ClassFields, ChoiceFields],
        nan=True,
    )

    def structure_strata(value: Any, kind: Any) -> dict[str, StratumResult]:
        if not isinstance(value, dict):
            raise TypeError(f"expected an object, got {value!r}")
        strata = {}
        for name, result in value.items():
            try:
                strata[name] = converter.structure(result, StratumResult)
            except Exception as error:
                error.add_note(IterableValidationNote(f"stratum {name}", name, kind))
                raise cattrs.IterableValidationError("strata", [error], kind) from error
        return strata

    converter.register_structure_hook_func(lambda kind: kind == dict[str, StratumResult], structure_strata)
    return converter


_CONVERTER = _converter()
