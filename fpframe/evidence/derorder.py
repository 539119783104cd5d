"""Put the certificates of a time-stamp token into the order of DER, as some authorities do not."""

from __future__ import annotations

from collections.abc import Iterator

import attrs

_SEQUENCE, _CONTEXT_0 = 0x30, 0xA0


@attrs.frozen
class _Element:
    """A value in DER: its tag, and where it and its content lie."""

    tag: int
    start: int
    content: int
    end: int


def with_ordered_certificates(response: bytes) -> bytes:
    """Return a time-stamp response whose set of certificates is ordered.

    DER wants the elements of a set in order of their bytes, and strict readers refuse others. The set is not signed, so
    that its order may be changed. What is not such a response comes back as it is.
    """
    try:
        certificates = _certificates(response)
        if certificates is None:
            return response
        each = sorted(response[one.start : one.end] for one in _inside(response, certificates))
        return response[: certificates.content] + b"".join(each) + response[certificates.end :]
    except (IndexError, ValueError):
        return response


def _certificates(response: bytes) -> _Element | None:
    """Return the certificates of the signed data, which lie in the token behind the status (RFC 3161, RFC 5652)."""
    whole = _element(response, 0)
    status_and_token = list(_inside(response, whole))
    _, content = _inside(response, status_and_token[1])
    [signed] = _inside(response, content)
    found = [each for each in _inside(response, signed) if each.tag == _CONTEXT_0]
    return found[0] if found and whole.tag == signed.tag == _SEQUENCE else None


def _inside(data: bytes, outer: _Element) -> Iterator[_Element]:
    at = outer.content
    while at < outer.end:
        element = _element(data, at)
        if element.end > outer.end:
            raise ValueError("an element leaves the one around it")
        yield element
        at = element.end


def _element(data: bytes, at: int) -> _Element:
    first = data[at + 1]
    count = first & 0x7F if first & 0x80 else 0
    if count > 4 or first == 0x80:
        raise ValueError("a length of another kind")
    length = int.from_bytes(data[at + 2 : at + 2 + count], "big") if count else first
    content = at + 2 + count
    if content + length > len(data):
        raise ValueError("it ends early")
    return _Element(data[at], at, content, content + length)
