"""Time-stamp tokens (RFC 3161): an authority says that a digest was there at a time."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from fpframe.base import read_file, why_unread, write_time
from fpframe.errors import UsageError
from fpframe.evidence.derorder import with_ordered_certificates
from fpframe.evidence.keys import require_cryptography
from fpframe.evidence.refusal import EvidenceError

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

#: Bytes of a token at most, and of a file of certificates.
MOST_OF_TOKEN, _MOST_OF_CERTIFICATES = 2**18, 2**22
_SHA256 = "2.16.840.1.101.3.4.2.1"


@attrs.frozen(kw_only=True)
class Token:
    """What a token says.

    Attributes:
        at: when the digest was there, in UTC.
        authority: whether an authority that the reader trusts says so; otherwise nobody looked at the signature.
    """

    at: datetime.datetime
    authority: bool

    @property
    def time(self) -> str:
        """When the digest was there, as text."""
        return write_time(self.at)


def read_authorities(path: str | Path) -> list[Certificate]:
    """Read the root certificates of the authorities that a reader trusts, in PEM.

    Raises:
        UsageError: the file cannot be read, or holds none.
    """
    require_cryptography()
    from cryptography.x509 import load_pem_x509_certificates

    try:
        return load_pem_x509_certificates(read_file(path, most=_MOST_OF_CERTIFICATES))
    except OSError as error:
        raise UsageError(f"the certificates cannot be read: {why_unread(error)} ({path})") from error
    except ValueError as error:
        raise UsageError(f"these are not certificates in PEM ({path}); get those of the authority's root") from error


def read_token_file(path: str | Path) -> bytes:
    """Return a token, which is a time-stamp response as ``openssl ts -reply`` writes it.

    Raises:
        UsageError: the file cannot be read.
    """
    try:
        return read_file(path, most=MOST_OF_TOKEN)
    except OSError as error:
        raise UsageError(f"the token cannot be read: {why_unread(error)} ({path})") from error


def check_token(content: bytes, digest: str, authorities: Sequence[Certificate] = ()) -> Token:
    """Return when a digest was there.

    Args:
        content: the token.
        digest: the SHA-256 that it must be about, in hexadecimal.
        authorities: root certificates that are trusted; where there are none, nobody looks at the signature.

    Raises:
        EvidenceError: it is no token, is about something else, or is signed by no trusted authority.
        UsageError: the extra is not installed.
    """
    require_cryptography()
    try:
        from rfc3161_client import VerificationError, VerifierBuilder, decode_timestamp_response
    except ImportError as error:
        raise UsageError("time-stamps need the extra 'evidence'; pip install 'fpframe[evidence]'") from error
    try:
        response = decode_timestamp_response(with_ordered_certificates(content))
        told = response.tst_info
        imprint, algorithm = told.message_imprint.message, told.message_imprint.hash_algorithm.dotted_string
        at = told.gen_time
    except Exception as error:  # the library has many ways to say so
        raise EvidenceError("token-damaged", f"this is not a time-stamp token: {error}") from error
    if algorithm != _SHA256 or imprint.hex() != digest:
        raise EvidenceError("token-of-another-subject", f"the token is about {imprint.hex()[:16]}, not {digest[:16]}")
    if at.tzinfo is None:
        at = at.replace(tzinfo=datetime.UTC)
    if authorities:
        try:
            VerifierBuilder(roots=list(authorities)).build().verify(response, bytes.fromhex(digest))
        except VerificationError as error:
            raise EvidenceError("authority-unknown", f"no trusted authority signed the token: {error}") from error
        except Exception as error:  # what the signature is of cannot be read
            raise EvidenceError("token-damaged", f"the signature of the token cannot be read: {error}") from error
    return Token(at=at, authority=bool(authorities))
