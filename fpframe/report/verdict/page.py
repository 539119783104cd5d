"""Verdicts as one page of HTML: no network, no script, and the same bytes for the same verdicts."""

from __future__ import annotations

import math
import shlex
from collections.abc import Sequence
from typing import Any

import attrs
from markupsafe import Markup

from fpframe.base import REASONS, Note
from fpframe.decision import StratumResult
from fpframe.enrolment import Enrolment, perturbation_steps
from fpframe.errors import UsageError
from fpframe.registry import Registry, load_registry
from fpframe.report.pages import page
from fpframe.report.verdict.evidence import strips_of
from fpframe.report.verdict.pictures import strips_svg
from fpframe.report.verdict.readings import classes_text, reading_text
from fpframe.report.verdict.thumbnails import png_uri, stretched
from fpframe.verification import Verdict, Yardsticks, compared_classes, models_of
from fpframe.zoo import find_stratum

#: What is said of strata that nobody here describes: those of models that a claimant brought as files bear the names of
#: their folders, and a plugin may not be installed where a verdict is read.
BROUGHT = "independent models that the claimant brought; protects anyone with a model like these"
UNKNOWN = "independent models of a plugin that is not installed here; protects anyone with a model like these"
#: Query points of each part that the page shows.
SHOWN = 12


@attrs.frozen(kw_only=True)
class Row:
    """One line of the table of strata.

    Attributes:
        name: the stratum.
        about: what its models are, and whom it protects.
        result: what it says of the suspect.
        counted: whether the suspect had a score to count with.
        passes: whether the suspect stands out from it.
    """

    name: str
    about: str
    result: StratumResult
    counted: bool
    passes: bool


@attrs.frozen(kw_only=True)
class SuspectPart:
    """What the page says of one suspect.

    Attributes:
        verdict: the verdict.
        rows: the strata, in the decision's order.
        worst: the stratum that the suspect stands out from least; ``None`` without a score.
        floor: the smallest p-value that its strata allow.
        whose: whose doing it is that there is no verdict, as `Reason.whose`; empty where there is one.
        picture: the strip plot; empty without a score.
        is_victim: whether it has the very digest of the victim.
        caveats: those that not all suspects of the page share.
    """

    verdict: Verdict
    rows: tuple[Row, ...]
    worst: Row | None
    floor: float
    whose: str
    picture: Markup
    is_victim: bool
    caveats: tuple[Note, ...]


def verdict_html(verdicts: Sequence[Verdict], enrolment: Enrolment, *, registry: Registry | None = None) -> str:
    """Return a page for one suspect or several that were questioned in one call.

    Args:
        verdicts: at least one.
        enrolment: the one that they were questioned with.
        registry: plugins, for verdicts through an answer filter; ``None`` takes the installed ones.

    Raises:
        ValueError: there is no verdict, or one was given with another enrolment.
    """
    if not verdicts:
        raise ValueError("a page needs at least one verdict")
    digest = enrolment.digest
    if any(verdict.enrolment != digest for verdict in verdicts):
        raise ValueError(f"a verdict was given with another enrolment than this one, whose digest is {digest}")
    yardsticks = Yardsticks(enrolment, registry or load_registry())
    shared = [caveat for caveat in verdicts[0].caveats if all(caveat in verdict.caveats for verdict in verdicts)]
    return page(
        "verdict.html",
        {"plain": plain, "reading": reading_text, "classes": classes_text},
        suspects=[_suspect(verdict, yardsticks, shared) for verdict in verdicts],
        shared_caveats=list(dict.fromkeys(shared)),
        levels=_levels(verdicts),
        command=_command(verdicts, enrolment),
        enrolment=enrolment,
        digest=digest,
        recipe=enrolment.recipe,
        victim=enrolment.victim,
        queries=enrolment.queries,
        sheet=_sheet(enrolment),
        deltas=[
            {"picture": png_uri(stretched(delta)), "steps": perturbation_steps(delta)} for delta in enrolment.deltas
        ],
    )


def plain(value: Any) -> str:
    """Return a setting as text."""
    if value is None or value == "":
        return "not given"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list | tuple):
        return ", ".join(plain(item) for item in value) or "none"
    if isinstance(value, dict):
        return ", ".join(f"{key} = {plain(item)}" for key, item in value.items()) or "none"
    return str(value)


def _suspect(verdict: Verdict, yardsticks: Yardsticks, shared: Sequence[Note]) -> SuspectPart:
    yardstick = yardsticks.of(verdict.channel, verdict.through, compared_classes(verdict))
    scored = math.isfinite(verdict.score)
    rows = tuple(_row(name, result, verdict, yardsticks) for name, result in verdict.strata.items())
    digest = verdict.suspect["digest"]
    return SuspectPart(
        verdict=verdict,
        rows=rows,
        worst=max(rows, key=lambda row: (_weight(row.result, verdict), -row.result.margin)) if scored else None,
        floor=max(row.result.floor for row in rows),
        whose=_whose(verdict.reason_code),
        picture=strips_svg(strips_of(verdict, yardstick)) if scored else Markup(),
        is_victim=bool(digest) and digest == yardsticks.enrolment.victim["digest"],
        caveats=tuple(caveat for caveat in verdict.caveats if caveat not in shared),
    )


def _whose(reason_code: str) -> str:
    if not reason_code:
        return ""
    return REASONS[reason_code].whose if reason_code in REASONS else "unknown"


def _row(name: str, result: StratumResult, verdict: Verdict, yardsticks: Yardsticks) -> Row:
    return Row(
        name=name,
        about=_about(name, yardsticks),
        result=result,
        counted=math.isfinite(verdict.score),
        passes=result.passes(verdict.alpha, certify=verdict.certify),
    )


def _about(name: str, yardsticks: Yardsticks) -> str:
    stratum = models_of(name)
    try:
        return find_stratum(stratum, yardsticks.registry).summary
    except UsageError:
        planned = any(group.stratum == stratum for group in yardsticks.enrolment.recipe.independent)
        return UNKNOWN if planned else BROUGHT


def _weight(result: StratumResult, verdict: Verdict) -> float:
    """Return what is held against the level: the p-value, or the bound where the verdict certifies."""
    return result.bound if verdict.certify else result.p


def _levels(verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """Tell how several suspects share a level.

    The page cannot know whether its verdicts were given in one call. Where their levels are not those of Holm's
    procedure it says so, and claims no more than the sum of the levels.
    """
    levels = sorted(verdict.alpha for verdict in verdicts)
    total, count = len(levels) * levels[0], len(levels)
    # one after the other is held to alpha/m, alpha/(m - 1) and so on, until one fails and the rest stay at its level
    holm = all(
        math.isclose(level, total / (count - rank)) or level == levels[max(rank - 1, 0)]
        for rank, level in enumerate(levels)
    )
    return {"holm": holm, "total": total if holm else sum(levels)}


def _command(verdicts: Sequence[Verdict], enrolment: Enrolment) -> str:
    """Return the command that judges recorded answers as these verdicts were given."""
    first, alpha = verdicts[0], _levels(verdicts)["total"]
    names = ["answers.npz"] if len(verdicts) == 1 else [f"answers-{i}.npz" for i in range(1, len(verdicts) + 1)]
    words = ["fpframe", "verify", "ENROLMENT", "--answers", *names]
    ways = {"conformal": [], "sequential": ["--sequential"]}
    words += ways.get(first.test, ["--test", first.test])
    words += ["--certify"] if first.certify else []
    words += ["--alpha", f"{alpha:.10g}"] if not math.isclose(alpha, enrolment.recipe.alpha) else []
    for option in ("channel", "through"):
        given = first.settings.get(option) or "auto"
        words += [f"--{option}", given] if given != "auto" else []
    how = (first.settings.get("classes") or {}).get("how")
    words += ["--match-classes"] if how == "matched" else ["--classes", "CLASSES.json"] if how == "named" else []
    return shlex.join(words)


def _sheet(enrolment: Enrolment) -> list[dict[str, Any]]:
    """Return the first points of the first view, part by part: the clean image, where there is one, and the asked."""
    view = enrolment.queries.images[0]
    sheet = []
    for part in enrolment.queries.parts:
        first = range(part.start, part.start + min(part.points, SHOWN))
        shift = part.points if part.pair else 0
        sheet.append(
            {
                "points": part.points,
                "pair": part.pair,
                "images": [
                    (png_uri(view[index]) if part.pair else "", png_uri(view[index + shift])) for index in first
                ],
            }
        )
    return sheet
