"""``fpframe redteam``."""

from __future__ import annotations

from pathlib import Path

from fpframe.cli.options import Json
from fpframe.cli.streams import say

#: Something was not seen that should have been.
_MISSED_EXIT = 5


def redteam(enrolment: Path, /, *, json_: Json = False) -> int:
    """Play a malicious owner on copies of an enrolment, and say what the protocol answers to each trick.

    Everything is done with keys and an authority of the command's own. It needs neither victim nor data.

    Args:
        enrolment: Folder that 'fpframe enroll --commitment' wrote; it stays as it is.
        json_: Print exactly one JSON object.
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
    missed = [result for result in results if result.missed]
    if json_:
        told = {
            "attempts": [result.to_dict() for result in results],
            "unseen": [{"name": each.name, "what": each.what, "instead": each.instead} for each in UNSEEN],
            "missed": len(missed),
        }
        say(json.dumps(told, indent=2))
    else:
        for each in UNSEEN:
            say(f"cannot be seen: {each.what}\n    but {each.instead}")
        answers = [result.said.answer for result in results]
        counted = ", ".join(f"{answers.count(each)} {each}" for each in ("refused", "marked", "nothing", "not played"))
        say(f"{len(results)} tricks: {counted}; {len(missed)} missed")
    return _MISSED_EXIT if missed else 0
