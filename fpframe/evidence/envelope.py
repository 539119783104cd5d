"""`Envelope`: a text and its signatures in one JSON file (DSSE, https://github.com/secure-systems-lab/dsse)."""

from __future__ import annotations

import base64
import binascii
from typing import Any

import attrs

from fpframe.base import canonical_json, parse_json
from fpframe.evidence.keys import PrivateKey, PublicKey
from fpframe.evidence.refusal import EvidenceError

#: Bytes of an envelope at most; a statement on a hundred suspects has less than one.
MOST_OF_ENVELOPE = 2**26


@attrs.frozen(kw_only=True)
class Envelope:
    """A payload and the signatures of it.

    Attributes:
        payload_type: what the payload is, as a media type.
        payload: the bytes that were signed, with their type.
        signatures: key identifier and signature of each signer.
    """

    payload_type: str
    payload: bytes
    signatures: tuple[tuple[str, bytes], ...]

    @classmethod
    def sign(cls, payload: bytes, payload_type: str, key: PrivateKey) -> Envelope:
        """Return an envelope that one key has signed."""
        signature = key.sign(pre_authentication_encoding(payload_type, payload))
        return cls(payload_type=payload_type, payload=payload, signatures=((key.public.keyid, signature),))

    def require_signed(self, key: PublicKey) -> None:
        """Make sure that a key signed this payload.

        Raises:
            EvidenceError: there is no signature, none of this key, or a wrong one.
        """
        if not self.signatures:
            raise EvidenceError("signature-missing", "the envelope has no signature")
        signed = [signature for keyid, signature in self.signatures if keyid == key.keyid]
        if not signed:
            found = ", ".join(keyid[:16] for keyid, _ in self.signatures)
            raise EvidenceError("key-unknown", f"signed by key {found}, and not by {key.keyid[:16]}")
        message = pre_authentication_encoding(self.payload_type, self.payload)
        if not all(key.verifies(signature, message) for signature in signed):
            raise EvidenceError("signature-wrong", f"the signature of key {key.keyid[:16]} is of something else")

    def to_bytes(self) -> bytes:
        """Return the file; the same envelope is always the same bytes."""
        signatures = [{"keyid": keyid, "sig": _encode(signature)} for keyid, signature in self.signatures]
        told = {"payload": _encode(self.payload), "payloadType": self.payload_type, "signatures": signatures}
        return (canonical_json(told) + "\n").encode()

    @classmethod
    def parse(cls, content: bytes) -> Envelope:
        """Read an envelope that fpframe wrote; no signature is looked at.

        Raises:
            EvidenceError: it is something else, or written in another way.
        """
        try:
            if len(content) > MOST_OF_ENVELOPE:
                raise ValueError(f"it is larger than {MOST_OF_ENVELOPE // 2**20} MiB")
            envelope = cls._read(parse_json(content))
            if envelope.to_bytes() != content:  # one envelope, one file: nothing stands behind it
                raise ValueError("it is not written as fpframe writes it")
        except ValueError as error:
            raise EvidenceError("envelope-damaged", f"this is not a signed envelope: {error}") from error
        return envelope

    @classmethod
    def _read(cls, stored: Any) -> Envelope:
        if not isinstance(stored, dict) or set(stored) != {"payload", "payloadType", "signatures"}:
            raise ValueError("it is not an object with 'payload', 'payloadType' and 'signatures'")
        kind, signatures = stored["payloadType"], stored["signatures"]
        if not isinstance(kind, str) or not isinstance(signatures, list):
            raise ValueError("its type is not a text, or its signatures are not a list")
        read = []
        for each in signatures:
            if not isinstance(each, dict) or set(each) != {"keyid", "sig"} or not isinstance(each["keyid"], str):
                raise ValueError("a signature is not an object with 'keyid' and 'sig'")
            read.append((each["keyid"], _decode(each["sig"])))
        return cls(payload_type=kind, payload=_decode(stored["payload"]), signatures=tuple(read))


def pre_authentication_encoding(payload_type: str, payload: bytes) -> bytes:
    """Return what is signed: type and payload with their lengths, so that one cannot be taken for the other (PAE)."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)


def _encode(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _decode(text: object) -> bytes:
    if not isinstance(text, str):
        raise ValueError("base64 is not a text")
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError("it is not base64") from error
