"""`Verdict`: what was shown of one suspect, in words and as data."""

from __future__ import annotations

from typing import Any

import attrs

from fpframe.base import Note, without_nan
from fpframe.decision import DERIVED, Decision
from fpframe.verification.transcript import Transcript


@attrs.frozen(kw_only=True, eq=False)
class Verdict:
    """What was shown of one suspect.

    Attributes:
        decision: verdict, score, p-value, strata.
        channel: what the suspect reveals.
        through: the answer filter that it and its calibration models answered through; empty for none.
        view_scores: one score per view that was asked.
        queries: images that it was asked, the probes among them.
        saved: images of the query set that an early stop left unasked.
        suspect: its address and digest.
        scheme: the scheme it was questioned by.
        enrolment: digest of the enrolment.
        settings: how its answers were read.
        caveats: what the verdict rests on.
        transcript: every answer that it gave; ``None`` where the caller asked the suspect.
    """

    decision: Decision
    channel: str
    through: str
    view_scores: tuple[float, ...]
    queries: int
    saved: int
    suspect: dict[str, str]
    scheme: str
    enrolment: str
    settings: dict[str, Any]
    caveats: tuple[Note, ...]
    transcript: Transcript | None = None

    @property
    def verdict(self) -> str:
        """``DERIVED``, ``NOT_SHOWN`` or ``INCONCLUSIVE``."""
        return self.decision.verdict

    @property
    def score(self) -> float:
        """Mean over the views of the cosine with the victim; NaN when there is none."""
        return self.decision.score

    @property
    def p_value(self) -> float:
        """The largest p-value over the strata; NaN when there is none."""
        return self.decision.p_value

    @property
    def sentence(self) -> str:
        """What was shown, and under which assumption, for the reader of a report."""
        if self.decision.reason is not None:
            return f"No verdict. {self.decision.reason.text}"
        if self.decision.test == "welch":
            return self._comparison
        said = f"{self._conclusion}: {self._count}"
        if self.decision.stopped:
            said += f" Asking stopped after {self.decision.views} view{'s' if self.decision.views > 1 else ''}."
        if self.verdict == DERIVED:
            said += " That rests on the assumption that an independent suspect would be of one of the calibrated kinds."
        return said

    @property
    def _conclusion(self) -> str:
        if self.verdict == DERIVED:
            sure = ", with 95 % confidence in the calibration" if self.decision.certify else ""
            return f"Shown to be derived at level {self.decision.alpha:g}{sure}"
        return "Not shown to be derived, which is not a proof of innocence"

    @property
    def _count(self) -> str:
        # where strata tie, the one that the suspect stands out from least
        certify = self.decision.certify
        worst, result = max(
            self.decision.strata.items(),
            key=lambda item: (item[1].bound if certify else item[1].p, -item[1].margin),
        )
        shared = f" of {result.families} families" if result.families < result.n else ""
        sure = f", with 95 % confidence a chance of at most {result.bound:.3g}" if certify else ""
        over = " at any look" if self.decision.test == "sequential" else ""
        return (
            f"among {result.n} independent models of kind '{worst}'{shared}, {result.at_least} scored at least as "
            f"high{over} (p = {self.p_value:.3g}{sure})."
        )

    @property
    def _comparison(self) -> str:
        called = "would be" if self.verdict == DERIVED else "would not be"
        return (
            "No verdict, but a comparison: by the t-test of the literature the suspect "
            f"{called} called derived at level {self.decision.alpha:g} (p = {self.p_value:.3g}). That test treats the "
            "views of one model as independent samples, and accuses independent models far more often than it claims."
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the verdict as JSON-able data; NaN becomes ``None``."""
        decision = self.decision
        plain = {
            "verdict": self.verdict,
            "sentence": self.sentence,
            "score": self.score,
            "interval": list(decision.interval),
            "p_value": self.p_value,
            "alpha": decision.alpha,
            "test": decision.test,
            "certify": decision.certify,
            "reason": decision.reason.text if decision.reason else "",
            "reason_code": decision.reason.code if decision.reason else "",
            "strata": {name: attrs.asdict(result) for name, result in decision.strata.items()},
            "channel": self.channel,
            "through": self.through,
            "view_scores": list(self.view_scores),
            "views": decision.views,
            "stopped": decision.stopped,
            "queries": self.queries,
            "saved": self.saved,
            "suspect": self.suspect,
            "scheme": self.scheme,
            "enrolment": self.enrolment,
            "settings": self.settings,
            "caveats": [note.to_dict() for note in self.caveats],
        }
        cleaned: dict[str, Any] = without_nan(plain)
        return cleaned
