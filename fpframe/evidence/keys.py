"""Ed25519 keys in PEM files, as ``openssl genpkey -algorithm ed25519`` writes them."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from fpframe.base import read_file, why_unread
from fpframe.errors import UsageError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

#: Bytes of a key file at most.
_MOST = 2**14
_MAKE = "make one with 'openssl genpkey -algorithm ed25519'"


@attrs.frozen(eq=False, repr=False)
class PublicKey:
    """What signatures are checked with.

    Attributes:
        raw: its 32 bytes.
    """

    raw: bytes

    @property
    def keyid(self) -> str:
        """SHA-256 of the key in DER (SubjectPublicKeyInfo), as ``openssl pkey -pubin -outform DER`` writes it."""
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        return hashlib.sha256(self._key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()

    def verifies(self, signature: bytes, message: bytes) -> bool:
        """Tell whether a signature is this key's, of this message."""
        from cryptography.exceptions import InvalidSignature

        try:
            self._key().verify(signature, message)
        except InvalidSignature:
            return False
        return True

    def _key(self) -> Ed25519PublicKey:
        require_cryptography()
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        return Ed25519PublicKey.from_public_bytes(self.raw)


@attrs.frozen(eq=False, repr=False)
class PrivateKey:
    """What statements are signed with; it is never shown or stored."""

    _key: Ed25519PrivateKey

    @classmethod
    def generate(cls) -> PrivateKey:
        """Make a key that is kept nowhere.

        Raises:
            UsageError: fpframe is installed without its extra.
        """
        require_cryptography()
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        return cls(Ed25519PrivateKey.generate())

    @property
    def public(self) -> PublicKey:
        """The key by which everybody else checks what this one signed."""
        return PublicKey(self._key.public_key().public_bytes_raw())

    def sign(self, message: bytes) -> bytes:
        """Return the signature (64 bytes) of a message; the same message is always signed alike."""
        return self._key.sign(message)


def read_private_key(path: str | Path) -> PrivateKey:
    """Read an Ed25519 key from a PEM file (PKCS #8) without a password.

    Raises:
        UsageError: there is no such file, it holds something else, or fpframe is installed without its extra.
    """
    require_cryptography()
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    content = _read(path)
    try:
        key = load_pem_private_key(content, password=None)
    except TypeError as error:
        raise UsageError(
            f"the key is behind a password ({path}); write it without one for as long as you sign"
        ) from error
    except Exception as error:  # the library has many ways to say so
        raise UsageError(f"this is not a private key in PEM ({path}); {_MAKE}") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise UsageError(f"this key is not of Ed25519 ({path}); {_MAKE}")
    return PrivateKey(key)


def read_public_key(path: str | Path) -> PublicKey:
    """Read an Ed25519 key from a PEM file, of the public key or of the private one that it belongs to.

    Raises:
        UsageError: there is no such file, it holds something else, or fpframe is installed without its extra.
    """
    require_cryptography()
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    content = _read(path)
    if b"PRIVATE KEY" in content:
        return read_private_key(path).public
    try:
        key = load_pem_public_key(content)
    except Exception as error:  # the library has many ways to say so
        raise UsageError(f"this is not a public key in PEM ({path}); write it with 'openssl pkey -pubout'") from error
    if not isinstance(key, Ed25519PublicKey):
        raise UsageError(f"this key is not of Ed25519 ({path}); {_MAKE}")
    return PublicKey(key.public_bytes_raw())


def require_cryptography() -> None:
    """Refuse to go on where the library of the extra is not installed.

    Raises:
        UsageError: says what to install.
    """
    try:
        import cryptography  # noqa: F401
    except ImportError as error:
        raise UsageError("signatures need the extra 'evidence'; pip install 'fpframe[evidence]'") from error


def _read(path: str | Path) -> bytes:
    try:
        return read_file(path, most=_MOST)
    except (OSError, ValueError) as error:
        raise UsageError(f"the key cannot be read: {why_unread(error)} ({path}); {_MAKE}") from error
