"""``fpframe bom``."""

from __future__ import annotations

from pathlib import Path

from fpframe.cli.options import Flag
from fpframe.cli.streams import say


def bom(enrolment: Path, /, *, out: Path, seal: Path | None = None, force: Flag = False) -> None:
    """Write a bill of materials (CycloneDX 1.6 ML-BOM) of an enrolled model. It shows digests, and no images.

    Args:
        enrolment: Folder that 'fpframe enroll' wrote.
        out: File for the bill (.json).
        seal: Seal of the enrolment, which the bill refers to with its digest.
        force: Overwrite an existing file.
    """
    from fpframe.enrolment import Enrolment
    from fpframe.evidence import bill_of_materials
    from fpframe.store import refuse_file, write_durably

    refuse_file(out, force=force)
    opened = Enrolment.open(enrolment)
    write_durably(out, bill_of_materials(opened, seal=seal).encode())
    say(f"{out}: CycloneDX 1.6, model {opened.victim['digest']}, enrolment {opened.digest}")
