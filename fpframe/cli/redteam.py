"""``fpframe redteam``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import attrs
from cyclopts import Group, Parameter

from fpframe.cli.options import Json, RunOptions
from fpframe.cli.streams import say
from fpframe.errors import UsageError

if TYPE_CHECKING:
    from fpframe.redteam import Claims

#: Something was not seen that should have been.
_MISSED_EXIT = 5


@Parameter(name="*", group=Group("Innocents", sort_key=1))
@attrs.frozen(kw_only=True)
class InnocentsOptions:
    """Independent models, by which it is measured what no bundle can show.

    Attributes:
        independents: Folder of files of weights, as for 'fpframe calibrate'. Some are fine-tuned, enrolled as victims,
            and held against all of them; each takes as long as an enrolment.
        backbone: Their architecture, such as timm:resnet18.
        victims: How many of them are made into victims.
    """

    independents: Path | None = None
    backbone: str | None = None
    victims: int = 1


def redteam(
    enrolment: Path,
    /,
    *,
    json_: Json = False,
    innocents: InnocentsOptions = InnocentsOptions(),
    run: RunOptions = RunOptions(),
) -> int:
    """Play a malicious owner on copies of an enrolment, and say what the protocol answers to each trick.

    Everything is done with keys and an authority of the command's own. Without independent models it needs neither
    victim nor data.

    Args:
        enrolment: Folder that 'fpframe enroll --commitment' wrote; it stays as it is.
        json_: Print exactly one JSON object.
        innocents: Independent models, by which it is measured what no bundle can show.
        run: The data, and how work is carried out.
    """
    import json

    from fpframe.redteam import UNSEEN, play

    results = []
    for result in play(enrolment):
        results.append(result)
        if not json_:
            said = result.said
            code = f" [{said.code}]" if said.code else ""
            say(f"{'MISSED ' if result.missed else ''}{said.answer}{code}: {result.attempt.what}")
            if said.answer == "nothing" and result.attempt.instead:
                say(f"    but {result.attempt.instead}")
    claims = _claims(enrolment, innocents, run)
    missed = [result for result in results if result.missed]
    if json_:
        told = {
            "attempts": [result.to_dict() for result in results],
            "unseen": [{"name": each.name, "what": each.what, "instead": each.instead} for each in UNSEEN],
            "innocents": None if claims is None else attrs.asdict(claims),
            "missed": len(missed),
        }
        say(json.dumps(told, indent=2))
    else:
        for each in UNSEEN:
            say(f"cannot be seen: {each.what}\n    but {each.instead}")
        if claims is not None:
            accused = f"accused were {claims.origins} origins and {claims.others} other innocents"
            say(f"innocent-as-victim, measured: {accused}")
        answers = [result.said.answer for result in results]
        counted = ", ".join(f"{answers.count(each)} {each}" for each in ("refused", "marked", "nothing", "not played"))
        say(f"{len(results)} tricks: {counted}; {len(missed)} missed")
    return _MISSED_EXIT if missed else 0


def _claims(enrolment: Path, innocents: InnocentsOptions, run: RunOptions) -> Claims | None:
    """Return what came of victims that were made from innocents; ``None`` where none were named."""
    if innocents.independents is None:
        if innocents.backbone is not None:
            raise UsageError("--backbone is about independent models; name them with --independents")
        return None
    from fpframe.enrolment import Enrolment, Independents
    from fpframe.redteam import claim_against_origins

    if innocents.victims < 1:
        raise UsageError(f"--victims must be at least 1 (got {innocents.victims})")
    models = Independents(innocents.independents, backbone=innocents.backbone)
    opened = Enrolment.open(enrolment)
    with run.shown() as shown:
        *_, last = claim_against_origins(opened, models, victims=innocents.victims, run=shown)
    return last
