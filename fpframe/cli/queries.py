"""``fpframe queries``."""

from __future__ import annotations

from pathlib import Path

from cyclopts import App

from fpframe.cli.options import Flag
from fpframe.cli.streams import say

queries = App(name="queries", help="Write the images that are sent to a suspect, so that somebody else can send them.")


@queries.command
def export(
    enrolment: Path,
    *,
    out: Path,
    force: Flag = False,
) -> None:
    """Write the query images, in the order of asking: PNG files, queries.npz and queries.json.

    Args:
        enrolment: Folder that 'fpframe enroll' wrote.
        out: Folder to write to.
        force: Overwrite an earlier export.
    """
    from fpframe.enrolment import Enrolment
    from fpframe.verification import export_queries

    path = export_queries(Enrolment.open(enrolment), out, force=force)
    say(f"{path} says what to send, in which order, and how to write down the answers.")
