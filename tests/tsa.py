"""A time-stamping authority of the tests' own, by ``openssl ts``."""

from __future__ import annotations

import subprocess
from pathlib import Path

from fpframe.redteam.authority import Authority


def make_authority(folder: Path) -> Path:
    """Make an authority in a folder, and return its root certificate."""
    made = Authority.make(folder)
    assert made is not None, "these tests need OpenSSL"
    return made.root


def stamp(authority: Path, digest: str, *, algorithm: str = "sha256") -> bytes:
    """Return a token of an authority over a digest, as it is sent: with its certificates in any order."""
    return Authority(authority.parent).stamp(digest, algorithm=algorithm)


def openssl_verifies(authority: Path, token: bytes, digest: str) -> bool:
    """Tell whether OpenSSL itself finds a token good."""
    folder = authority.parent
    (folder / "checked.tsr").write_bytes(token)
    command = ["openssl", "ts", "-verify", "-digest", digest, "-in", "checked.tsr", "-CAfile", "root.pem"]
    return subprocess.run(command, cwd=folder, capture_output=True, check=False).returncode == 0
