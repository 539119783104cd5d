"""`Verdict`: what was shown of one suspect, as an object with the fields of its JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping
from html import escape
from typing import Any, Literal

import attrs

from fpframe.base import Note, canonical_json
from fpframe.decision import Decision, StratumResult, Test, Word
from fpframe.errors import DataError
from fpframe.verification.choices import Choice
from fpframe.verification.looks import Look
from fpframe.verification.sentence import sentence_of
from fpframe.verification.transcript import Transcript
from fpframe.verification.verdict_json import SCHEMA_VERSION, Abilities, VerdictFields, read_fields, write_fields


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Verdict:
    """What was shown of one suspect.

    Every field of its JSON is an attribute of the same name and meaning. Two verdicts are equal where their JSON is:
    numbers that do not exist equal each other, and transcripts are not compared.

    Attributes:
        decision: verdict, score, p-value, strata and the like; each is an attribute of the verdict too.
        channel: what the suspect reveals.
        through: the answer filter that it and its calibration models answered through; empty for none.
        view_scores: one score per view that was asked.
        looks: what a sequential test knew after each view; empty for other tests.
        ability: how able suspect and victim are.
        queries: images that it was sent, the probes among them, and those that ability is measured on.
        saved: images of the query set that an early stop left unasked.
        suspect: its address and digest, and its architecture where a network was built for it.
        scheme: the scheme it was questioned by.
        enrolment: digest of the enrolment.
        settings: how it was opened and its answers were read.
        choices: whether level, test, channel and filter are as ``enrolled``, or were ``chosen`` afterwards.
        caveats: what the verdict rests on.
        sentence: what was shown, and under which assumption, for the reader of a report. A verdict that is read from
            JSON keeps the words of then.
        transcript: every answer that it gave; ``None`` where the verdict was read from JSON.
    """

    decision: Decision
    channel: str
    through: str
    view_scores: tuple[float, ...]
    looks: tuple[Look, ...] = ()
    ability: Abilities = attrs.field(factory=Abilities)
    queries: int
    saved: int
    suspect: Mapping[str, str]
    scheme: str
    enrolment: str
    settings: Mapping[str, Any]
    choices: Mapping[str, Choice] = attrs.field(factory=dict)
    caveats: tuple[Note, ...]
    sentence: str = attrs.field()
    transcript: Transcript | None = None

    @sentence.default
    def _say(self) -> str:
        return sentence_of(self.decision, self.caveats)

    @property
    def schema_version(self) -> int:
        """The version of the JSON."""
        return SCHEMA_VERSION

    @property
    def verdict(self) -> Word:
        """``DERIVED``, ``NOT_SHOWN`` or ``INCONCLUSIVE``."""
        return self.decision.verdict

    @property
    def score(self) -> float:
        """Mean over the views of the cosine with the victim; NaN when there is none."""
        return self.decision.score

    @property
    def interval(self) -> tuple[float, float]:
        """Bootstrap interval of the score over the views, or over the points of the only one; NaN if there is none."""
        return self.decision.interval

    @property
    def p_value(self) -> float:
        """The largest p-value over the strata; NaN when there is none."""
        return self.decision.p_value

    @property
    def strata(self) -> dict[str, StratumResult]:
        """What each stratum says, by name."""
        return self.decision.strata

    @property
    def alpha(self) -> float:
        """The level that this suspect was held to; smaller than the call's where several suspects shared that."""
        return self.decision.alpha

    @property
    def test(self) -> Test:
        """How scores became a verdict."""
        return self.decision.test

    @property
    def certify(self) -> bool:
        """Whether the bounds of the strata were held to alpha, and not only the p-values."""
        return self.decision.certify

    @property
    def views(self) -> int:
        """How many views the verdict rests on."""
        return self.decision.views

    @property
    def stopped(self) -> Literal["", "derived", "futile"]:
        """Why a sequential test stopped early; empty where it did not."""
        return self.decision.stopped

    @property
    def reason(self) -> str:
        """Why there is no verdict, for a person; empty where there is one."""
        return self.decision.reason.text if self.decision.reason else ""

    @property
    def reason_code(self) -> str:
        """Why there is no verdict, for a program; empty where there is one."""
        return self.decision.reason.code if self.decision.reason else ""

    def to_dict(self) -> dict[str, Any]:
        """Return the verdict as JSON-able data, as `verdict_schema` describes it; NaN becomes ``None``."""
        return write_fields(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Verdict:
        """Return the verdict of what `to_dict` returned, without its transcript.

        Raises:
            DataError: it has another schema version, a key is missing, unknown or of the wrong type, or its numbers
                contradict its verdict.
        """
        fields = read_fields(data)
        low, high = fields.interval
        try:
            decision = Decision(
                verdict=fields.verdict,
                score=fields.score,
                interval=(low, high),
                p_value=fields.p_value,
                strata=fields.strata,
                alpha=fields.alpha,
                reason=_reason(fields),
                test=fields.test,
                views=fields.views,
                stopped=fields.stopped,
                certify=fields.certify,
            )
        except ValueError as error:
            raise DataError(f"this verdict contradicts itself: {error}; it was altered, or written wrongly") from error
        return cls(
            decision=decision,
            channel=fields.channel,
            through=fields.through,
            view_scores=fields.view_scores,
            looks=fields.looks,
            ability=fields.ability,
            queries=fields.queries,
            saved=fields.saved,
            suspect=fields.suspect,
            scheme=fields.scheme,
            enrolment=fields.enrolment,
            settings=fields.settings,
            choices=fields.choices,
            caveats=fields.caveats,
            sentence=fields.sentence,
        )

    def __eq__(self, other: object) -> bool:
        return self.to_dict() == other.to_dict() if isinstance(other, Verdict) else NotImplemented

    def __hash__(self) -> int:
        return hash(canonical_json(self.to_dict()))

    def __repr__(self) -> str:
        suspect = f"suspect={self.suspect['address']!r}"
        if self.reason_code:
            return f"Verdict({self.verdict}, reason_code={self.reason_code!r}, {suspect})"
        numbers = f"score={self.score:.3f}, p_value={self.p_value:.3g}, alpha={self.alpha:g}"
        return f"Verdict({self.verdict}, {numbers}, {suspect})"

    def _repr_html_(self) -> str:
        """Return what notebooks show: the sentence, and what each stratum says."""
        cells = [(name, f"{each.n}", _shown(each.highest), _shown(each.p)) for name, each in self.strata.items()]
        rows = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in cells)
        head = "<tr><th>stratum</th><th>models</th><th>highest score</th><th>p</th></tr>"
        return f"<p><b>{self.verdict}</b> {escape(self.sentence)}</p><table>{head}{rows}</table>"


def _shown(value: float) -> str:
    return f"{value:.3g}" if math.isfinite(value) else "-"


def _reason(fields: VerdictFields) -> Note | None:
    if not fields.reason_code and not fields.reason:
        return None
    return Note.from_dict({"code": fields.reason_code, "text": fields.reason})
