"""``fpframe seal``."""

from __future__ import annotations

from pathlib import Path

from fpframe.cli.options import Flag
from fpframe.cli.streams import say


def seal(
    folder: Path,
    /,
    *,
    key: Path,
    timestamp: Path | None = None,
    authority: Path | None = None,
    commitment: Path | None = None,
    out: Path | None = None,
    force: Flag = False,
) -> None:
    """Sign that an enrolment is there, before a suspect is questioned; or a commitment, with a time-stamp.

    Args:
        folder: Enrolment, or case that 'fpframe commit' wrote.
        key: Your private key (PEM).
        timestamp: Token of a time-stamping authority over the digest, as 'openssl ts -reply' writes it.
        authority: Root certificates (PEM) by which the token is checked at once.
        commitment: Case that the enrolment was made under; its log is sealed with it.
        out: File for the seal; FOLDER.seal by default.
        force: Overwrite an existing file.
    """
    from fpframe.errors import UsageError
    from fpframe.evidence import (
        Case,
        Seal,
        read_authorities,
        read_private_key,
        read_token_file,
        seal_commitment,
        seal_enrolment,
    )
    from fpframe.evidence.case import ENVELOPE_FILE
    from fpframe.store import refuse_file, write_durably

    path = folder.with_name(f"{folder.name}.seal") if out is None else out
    refuse_file(path, force=force)
    secret = read_private_key(key)
    token = b"" if timestamp is None else read_token_file(timestamp)
    roots = [] if authority is None else read_authorities(authority)
    if (folder / ENVELOPE_FILE).exists():
        if not token:
            raise UsageError("a commitment is sealed with the token of an authority; name it with --timestamp")
        content = seal_commitment(Case.open(folder), secret, token=token, authorities=roots)
    else:
        case = None if commitment is None else Case.open(commitment)
        content = seal_enrolment(folder, secret, case=case, token=token, authorities=roots)
    write_durably(path, content)
    made = Seal.read(content)
    stamp = made.stamped(roots)
    if stamp is None:
        dated = f"no authority has dated it: openssl ts -query -sha256 -cert -digest {made.subject.sha256}"
    else:
        dated = f"there at {stamp.time}" + ("" if stamp.authority else ", says a token that nobody checked")
    say(f"{path}: {made.subject.name} {made.subject.sha256}, signed by key {secret.public.keyid[:16]}; {dated}")
