"""`Authority`: a time-stamping authority (RFC 3161) of one's own, by ``openssl ts``."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import attrs

_CONFIG = """
[req]
distinguished_name = name
prompt = no
[name]
CN = Root of a played authority
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


@attrs.frozen
class Authority:
    """An authority that lives in a folder.

    Attributes:
        folder: its keys and certificates.
    """

    folder: Path

    @classmethod
    def make(cls, folder: Path) -> Authority | None:
        """Make one in a new folder; ``None`` where OpenSSL is not installed."""
        if shutil.which("openssl") is None:
            return None
        folder.mkdir()
        made = cls(folder)
        (folder / "openssl.cnf").write_text(_CONFIG)
        (folder / "serial").write_text("01")
        new = ("-newkey", "rsa:2048", "-nodes", "-config", "openssl.cnf")
        made._run("req", "-x509", *new, "-keyout", "root.key", "-out", "root.pem", "-extensions", "root")
        made._run("req", *new, "-subj", "/CN=Signer of a played authority", "-keyout", "signer.key", "-out", "new.csr")
        by_root = ("-CA", "root.pem", "-CAkey", "root.key", "-CAcreateserial")
        extended = ("-extfile", "openssl.cnf", "-extensions", "signer")
        made._run("x509", "-req", "-in", "new.csr", *by_root, *extended, "-out", "signer.pem")
        return made

    @property
    def root(self) -> Path:
        """The root certificate, by which its tokens are checked."""
        return self.folder / "root.pem"

    def stamp(self, digest: str, *, algorithm: str = "sha256") -> bytes:
        """Return a token that a digest is there now."""
        self._run("ts", "-query", "-digest", digest, f"-{algorithm}", "-cert", "-out", "query.tsq")
        reply = ("-config", "openssl.cnf", "-section", "stamping", "-queryfile", "query.tsq", "-out", "reply.tsr")
        self._run("ts", "-reply", *reply)
        return (self.folder / "reply.tsr").read_bytes()

    def _run(self, *words: str) -> None:
        subprocess.run(["openssl", *words], cwd=self.folder, check=True, capture_output=True)
