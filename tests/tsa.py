"""A time-stamping authority of the tests' own, by ``openssl ts``."""

from __future__ import annotations

import subprocess
from pathlib import Path

_CONFIG = """
[req]
distinguished_name = name
prompt = no
[name]
CN = Root of a test
[root]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
[signer]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = critical,timeStamping
[stamping]
dir = .
serial = ./serial
signer_cert = ./signer.pem
signer_key = ./signer.key
certs = ./root.pem
default_policy = 1.2.3.4.1
digests = sha256
signer_digest = sha256
ess_cert_id_alg = sha256
"""


def make_authority(folder: Path) -> Path:
    """Make an authority in a folder, and return its root certificate."""
    folder.mkdir()
    (folder / "openssl.cnf").write_text(_CONFIG)
    (folder / "serial").write_text("01")
    new = ["-newkey", "rsa:2048", "-nodes", "-config", "openssl.cnf"]
    _run(folder, "req", "-x509", *new, "-keyout", "root.key", "-out", "root.pem", "-extensions", "root")
    _run(folder, "req", *new, "-subj", "/CN=Signer of a test", "-keyout", "signer.key", "-out", "signer.csr")
    by_root = ["-CA", "root.pem", "-CAkey", "root.key", "-CAcreateserial"]
    _run(
        folder, "x509", "-req", "-in", "signer.csr", *by_root, "-extfile", "openssl.cnf", "-extensions", "signer",
        "-out", "signer.pem",
    )  # fmt: skip
    return folder / "root.pem"


def stamp(authority: Path, digest: str, *, algorithm: str = "sha256") -> bytes:
    """Return a token of an authority over a digest, as it is sent: with its certificates in any order."""
    folder = authority.parent
    _run(folder, "ts", "-query", "-digest", digest, f"-{algorithm}", "-cert", "-out", "query.tsq")
    reply = ["-config", "openssl.cnf", "-section", "stamping", "-queryfile", "query.tsq", "-out", "reply.tsr"]
    _run(folder, "ts", "-reply", *reply)
    return (folder / "reply.tsr").read_bytes()


def openssl_verifies(authority: Path, token: bytes, digest: str) -> bool:
    """Tell whether OpenSSL itself finds a token good."""
    folder = authority.parent
    (folder / "checked.tsr").write_bytes(token)
    command = ["openssl", "ts", "-verify", "-digest", digest, "-in", "checked.tsr", "-CAfile", "root.pem"]
    return subprocess.run(command, cwd=folder, capture_output=True, check=False).returncode == 0


def _run(folder: Path, *words: str) -> None:
    subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)
