"""`thief_kinds`: what thieves would score, by the held-out derived models of an evaluation."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fpframe.base import MOST_OF_DATA, parse_json, read_file, why_unread
from fpframe.decision import mean_of_views
from fpframe.enrolment import Enrolment
from fpframe.errors import DataError
from fpframe.marketplace.kinds import Kind, Kinds, largest_p, scores_of_first

#: The file of an evaluation's folder that tells all of it.
RESULT = "result.json"
_REMEDY = "give the folder that 'fpframe evaluate ENROLMENT --out' wrote"


def thief_kinds(path: Path, enrolment: Enrolment, channel: str, *, first_views: int) -> Kinds:
    """Return the derived models that an evaluation judged; failed thefts are left out, as worth nothing to a thief.

    Args:
        path: the folder of the evaluation, or its ``result.json``.
        enrolment: the enrolment that was evaluated.
        channel: what suspects reveal.
        first_views: views of the first stage.

    Raises:
        DataError: it is no evaluation of this enrolment in this channel, or judged no derived models.
    """
    begun = scores_of_first(enrolment.paths(channel), first_views)
    found = []
    for suspect in _suspects(path, enrolment, channel):
        if suspect["relation"] != "derived" or suspect["failed"]:
            continue
        p, sure, first = math.inf, math.inf, math.inf
        if suspect["view_scores"]:
            first = largest_p(mean_of_views(suspect["view_scores"][:first_views]), begun)
        if suspect["p_value"] is not None:
            p = float(suspect["p_value"])
            low = suspect["interval"][0]
            sure = p if low is None else max(p, largest_p(low, enrolment.strata(suspect["channel"])))
        found.append((suspect["stratum"], p, sure, first))
    if not found:
        raise DataError(
            f"the evaluation judged no derived models ({path}); its recipe has to have some in the test split"
        )
    names = [name for name, *_ in found]
    return Kinds.of(
        [Kind(name=name, share=1 / names.count(name), p=p, sure=sure, first=first) for name, p, sure, first in found]
    )


def _suspects(path: Path, enrolment: Enrolment, channel: str) -> list[Mapping[str, Any]]:
    file = path / RESULT if path.is_dir() else path
    try:
        told = parse_json(read_file(file, most=MOST_OF_DATA).decode("utf-8"))
        evaluations = {each["channel"]: each for each in told["evaluations"] if each["scheme"] == enrolment.scheme}
        suspects: list[Mapping[str, Any]] = evaluations[channel]["suspects"] if channel in evaluations else []
        digests = {suspect["enrolment"] for suspect in suspects}
    except OSError as error:
        raise DataError(f"cannot read the evaluation: {why_unread(error)} ({file}); {_REMEDY}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"this is no evaluation ({file}); {_REMEDY}") from error
    if channel not in evaluations:
        known = ", ".join(evaluations) or "none"
        raise DataError(f"the evaluation tells nothing of channel {channel} (channels: {known}) ({file}); {_REMEDY}")
    if digests - {enrolment.digest}:
        raise DataError(f"the evaluation is of another enrolment ({file}); {_REMEDY} of this one")
    return suspects
