"""`Client`: send one request over HTTP, and take no more of an answer than it may have."""

from __future__ import annotations

import hashlib
import ssl
import time
import weakref
import zlib
from collections.abc import Mapping
from typing import Any

import attrs
import httpx2

from fpframe_plugins.suspects.remote.body import Body
from fpframe_plugins.suspects.remote.description import Description
from fpframe_plugins.suspects.remote.secret import Secrets

#: Headers that say which software answered, and under which number.
_TELLING = ("server", "via", "date", "x-powered-by", "openai-version", "api-version", "x-model-version", "content-type")
_REQUEST_IDS = (
    "x-request-id",
    "request-id",
    "x-amzn-requestid",
    "x-goog-request-id",
    "x-ms-request-id",
    "apim-request-id",
)
#: Bytes that are read of an answer that says why there is none.
_OF_REFUSAL = 1 << 14


class LostError(Exception):
    """A request that brought no whole answer: no connection, cut off, too slow."""


class UntrustedError(Exception):
    """A service whose certificate is not valid for its name, so that nothing was sent to it."""


class TooLargeError(Exception):
    """An answer that is larger than it may be."""


@attrs.frozen(kw_only=True)
class Reply:
    """What came back.

    Attributes:
        status: of HTTP.
        headers: all of them, names in lower case.
        body: the answer, decompressed; of a refusal only the beginning.
        seconds: from sending to the last byte.
        facts: what is kept as evidence.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    seconds: float
    facts: Mapping[str, Any]


class Client:
    """Send requests to one service, over connections that are used again.

    TLS is verified by the certificates that the system trusts, or by those that the description names. Proxies and
    passwords of the environment are not used, and no redirect is followed.
    """

    def __init__(self, description: Description, secrets: Secrets, *, connections: int) -> None:
        """Make a client.

        Raises:
            ValueError: the certificates cannot be read.
        """
        self._description, self._secrets = description, secrets
        patience = description.patience
        client = self._client = httpx2.Client(
            http2=True,
            verify=_trusted(description),
            trust_env=False,
            follow_redirects=False,
            timeout=httpx2.Timeout(patience.request, connect=patience.connect, pool=None),
            limits=httpx2.Limits(max_connections=connections, max_keepalive_connections=connections),
            headers={"accept": "application/json", "accept-encoding": "gzip", "user-agent": "fpframe"},
        )
        #: Closes all connections; called when the client is let go, too.
        self.close = weakref.finalize(self, client.close)

    def send(self, body: Body | None, url: str, *, headers: Mapping[str, str] | None = None) -> Reply:
        """Send a body to a URL, or ask for what is there without one, and return what comes back.

        Raises:
            LostError: no whole answer came.
            UntrustedError: its certificate is not valid.
            TooLargeError: it is larger than it may be.
        """
        started = time.monotonic()
        description = self._description
        given = {**self._secrets.headers, **(headers or {})}
        if body is not None:
            given["content-type"] = body.kind
        try:
            with self._client.stream(
                description.method if body is not None else "GET",
                url,
                content=None if body is None else body.content,
                headers=given,
            ) as response:
                facts = self._facts(response)  # with the last byte the connection may be gone
                content = self._content(response, started + description.patience.request)
                return Reply(
                    status=response.status_code,
                    headers={name.lower(): value for name, value in response.headers.items()},
                    body=self._secrets.hide_bytes(content),
                    seconds=round(time.monotonic() - started, 6),
                    facts=facts,
                )
        except httpx2.TimeoutException as error:
            raise LostError(f"no answer came within {description.patience.request:g} s") from error
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
            if _is_untrusted(error):
                raise UntrustedError(_said(error)) from error
            raise LostError(self._secrets.hide(_said(error))) from error

    def _content(self, response: httpx2.Response, until: float) -> bytes:
        most, packed = self._description.most, bytearray()
        for part in response.iter_raw():
            packed += part
            if len(packed) > most.received:
                raise TooLargeError(f"an answer of more than {most.received} bytes")
            if not response.is_success and len(packed) > _OF_REFUSAL:
                break
            if time.monotonic() > until:
                raise LostError(f"no whole answer came within {self._description.patience.request:g} s")
        return _unpacked(bytes(packed), response.headers.get("content-encoding", "identity"), most.unpacked)

    def _facts(self, response: httpx2.Response) -> dict[str, Any]:
        stream = response.extensions.get("network_stream")
        address = stream.get_extra_info("server_addr") if stream is not None else None
        tls = stream.get_extra_info("ssl_object") if stream is not None else None
        certificate = tls.getpeercert(binary_form=True) if tls is not None else None
        headers = {name: response.headers[name][:200] for name in _TELLING if name in response.headers}
        headers.pop("date", None)  # another one each time; the ledger has the times
        return {
            "address": f"{address[0]}:{address[1]}" if address else "",
            "certificate": hashlib.sha256(certificate).hexdigest() if certificate else "",
            "http": response.http_version,
            "headers": {name: self._secrets.hide(value) for name, value in headers.items()},
            "request_id": next((response.headers[name][:200] for name in _REQUEST_IDS if name in response.headers), ""),
        }


def _unpacked(content: bytes, encoding: str, most: int) -> bytes:
    """Return an answer decompressed, as far as it may be large."""
    if encoding.lower() not in ("gzip", "x-gzip"):
        return content
    gunzip = zlib.decompressobj(wbits=31)
    try:
        unpacked = gunzip.decompress(content, most + 1)
    except zlib.error as error:
        raise LostError(f"its answer is not compressed as it says: {error}") from error
    if len(unpacked) > most:
        raise TooLargeError(f"an answer of more than {most} bytes when it is decompressed")
    return unpacked


def _trusted(description: Description) -> ssl.SSLContext | bool:
    if description.url.startswith("http:"):
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # trusts nobody, and takes no time to read whom to trust
    if not description.certificates:
        return True
    try:
        return ssl.create_default_context(cafile=description.certificates)
    except (OSError, ssl.SSLError) as error:
        raise ValueError(f"the certificates '{description.certificates}' cannot be read: {error}") from error


def _is_untrusted(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError) or "CERTIFICATE_VERIFY_FAILED" in str(error):
            return True
        error = error.__cause__ or error.__context__
    return False


def _said(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200]
