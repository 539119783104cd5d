"""`judge_again`: compute attested verdicts once more, from the answers and the encoders in a bundle."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from fpframe.enrolment import Enrolment
from fpframe.errors import FpframeError
from fpframe.evidence.attestation import Attestation, answers_file
from fpframe.evidence.finding import Finding
from fpframe.verification import Verdict, verify_many

#: By how much scores may differ between machines.
_TOLERANCE = 1e-4
_PART = "verdicts"


def judge_again(attestation: Attestation, enrolment: Enrolment, answers: Sequence[bytes]) -> Iterator[Finding]:
    """Yield for each verdict whether it is the one that follows from the answers."""
    reason = _why_not(attestation)
    if reason:
        yield Finding(part=_PART, state="not checked", text=reason)
        return
    try:
        found = judged_by(enrolment, attestation, answers)
    except (FpframeError, KeyError) as error:
        text = f"they cannot be computed again: {type(error).__name__}: {error}"
        yield Finding(part=_PART, state="refused", text=text, code="verdict-differs")
        return
    for number, (told, again) in enumerate(zip(attestation.verdicts, found, strict=True), start=1):
        yield _compared(number, told, again)


def judged_by(enrolment: Enrolment, attestation: Attestation, answers: Sequence[bytes]) -> list[Verdict]:
    """Return the verdicts that an enrolment gives on attested answers, judged as those of the attestation were.

    Raises:
        FpframeError: the answers cannot be judged by it.
        KeyError: a verdict does not say how it came about.
    """
    first = attestation.verdicts[0]
    options: dict[str, Any] = {
        "alpha": attestation.alpha,
        "test": first.test,
        "certify": first.certify,
        "channel": first.settings["channel"],
        "through": first.settings["through"],
        "match_classes": first.settings["match_classes"],
    }
    with tempfile.TemporaryDirectory(prefix="fpframe-answers-") as temporary:
        files = [Path(temporary) / answers_file(number) for number in range(1, len(answers) + 1)]
        for path, content in zip(files, answers, strict=True):
            path.write_bytes(content)
        return verify_many(enrolment, answers=files, **options)


def _why_not(attestation: Attestation) -> str:
    """Return why verdicts are not computed again; empty where they are."""
    if attestation.statement.predicate["unfinished"]:
        return "suspects without a verdict shared the level, and have no answers here"
    told = attestation.verdicts[0]
    if told.choices.get("classes") == "chosen" and not told.settings.get("match_classes"):
        return "a map of classes was named that the bundle does not hold"
    return ""


def _compared(number: int, told: Verdict, again: Verdict) -> Finding:
    if told.suspect.get("digest") != again.suspect.get("digest"):
        text = f"verdict {number} is on suspect {told.suspect.get('digest', '')[:16]}, its answers are another's"
        return Finding(part=_PART, state="refused", text=text, code="verdict-differs")
    plain = ("verdict", "reason_code", "channel", "through", "views", "alpha", "test", "stopped")
    differing = [name for name in plain if getattr(told, name) != getattr(again, name)]
    if not _close(told.score, again.score) or not _all_close(told.view_scores, again.view_scores):
        differing.append("score")
    if not _close(told.p_value, again.p_value) or told.strata.keys() != again.strata.keys():
        differing.append("p_value")
    if differing:
        text = f"verdict {number} does not follow from the answers: {', '.join(differing)} would be others"
        return Finding(part=_PART, state="refused", text=text, code="verdict-differs")
    whom = told.suspect.get("digest", "")[:16] or told.suspect.get("address", "")
    text = f"{told.verdict} (p {told.p_value:g}) of {whom} follows from the answers"
    return Finding(part=_PART, state="good", text=text)


def _close(one: float, other: float) -> bool:
    return (math.isnan(one) and math.isnan(other)) or math.isclose(one, other, rel_tol=0, abs_tol=_TOLERANCE)


def _all_close(ones: Sequence[float], others: Sequence[float]) -> bool:
    return len(ones) == len(others) and all(map(_close, ones, others))
