"""Verdicts as plain text for a terminal."""

from __future__ import annotations

import math
from collections.abc import Sequence

from fpframe.report.tables import columns, number, p_text
from fpframe.report.verdict.readings import classes_text, reading_text
from fpframe.verification import Verdict


def verdicts_text(verdicts: Sequence[Verdict]) -> str:
    """Return what was shown of each suspect, its strata, and what all of it rests on."""
    lines: list[str] = []
    for verdict in verdicts:
        mark = " (t-test, for comparison)" if verdict.test.startswith("welch") else ""
        lines += [f"{verdict.suspect['address']}: {verdict.verdict}{mark}", f"  {verdict.sentence}"]
        low, high = verdict.interval
        asked = f"{verdict.queries} queries" + (f" ({verdict.saved} saved)" if verdict.saved else "")
        through = f" through {verdict.through}" if verdict.through else ""
        lines.append(
            f"  score {number(verdict.score)} [{number(low)}, {number(high)}], p {p_text(verdict.p_value)}, "
            f"alpha {verdict.alpha:g}, {asked}, channel {verdict.channel}{through}"
        )
        if verdict.suspect.get("architecture"):
            lines.append(f"  opened as {verdict.suspect['architecture']}")
        if verdict.suspect.get("preparation"):
            lines.append(f"  images prepared: {verdict.suspect['preparation']}")
        if verdict.settings.get("reading"):
            lines.append(f"  answers read as {reading_text(verdict.settings['reading'])}")
        classes = verdict.settings.get("classes") or {"how": "order"}
        if classes["how"] != "order":
            lines.append(f"  {classes_text(classes)}")
        if verdict.ability.images:
            able = verdict.ability
            found = f"suspect {number(able.suspect)}, victim {number(able.victim)}"
            lines.append(f"  accuracy on {able.images} labelled images: {found}")
        if math.isfinite(verdict.score):
            lines += [f"  {line}" for line in columns(_strata(verdict))]
        lines.append("")
    # those that several suspects share are said once
    lines += [f"- {note.text}" for note in dict.fromkeys(note for verdict in verdicts for note in verdict.caveats)]
    return "\n".join(lines)


def _strata(verdict: Verdict) -> list[list[str]]:
    """Return what each stratum says, as rows; counts are out of models and out of families."""
    certified = ["95 % bound"] if verdict.certify else []
    counts = ["models as high", "of these less able", "families as high"]
    rows = [["stratum", "p", "floor", *counts, "p by models", "p by families", "margin (sd)", *certified]]
    for name, result in verdict.strata.items():
        rows.append(
            [
                name,
                p_text(result.p),
                p_text(result.floor),
                f"{result.at_least} of {result.n}",
                str(result.less_able),
                f"{result.families_at_least} of {result.families}",
                p_text(result.p_models),
                p_text(result.p_families),
                number(result.margin, 1),
                *([p_text(result.bound)] if certified else []),
            ]
        )
    return rows
