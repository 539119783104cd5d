"""`Description`: how a service is asked and its answers are found, as ``service.toml`` says it."""

from __future__ import annotations

import ipaddress
import json
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import attrs

import fpframe
from fpframe.base import make_converter, parse_text, read_text
from fpframe.models import Outputs
from fpframe.parameters import number, whole

_PRESETS = Path(__file__).parent / "presets"
_positive = number(low=0, open_low=True)


@attrs.frozen(kw_only=True)
class Header:
    """The value of a header, which never stands in the description itself.

    Attributes:
        env: name of the environment variable that holds it.
        file: path of the file that holds it.
        prefix: what stands before it, such as ``Bearer ``.
    """

    env: str = ""
    file: str = ""
    prefix: str = ""

    def __attrs_post_init__(self) -> None:
        if bool(self.env) == bool(self.file):
            raise ValueError("name either 'env' or 'file'")


@attrs.frozen(kw_only=True)
class RequestForm:
    """What a request looks like.

    Attributes:
        body: ``json``, ``multipart`` (one file for each image) or ``bytes`` (one image alone).
        template: JSON of the body. In it stand, as whole strings, ``{images}`` for the list of images, or ``{image}``
            for one, and ``{shape}``, ``{count}``, ``{input}`` and ``{datatype}``. A list with one entry in which
            ``{image}`` occurs has as many entries as there are images.
        image: how one image is written: ``nested`` lists, ``flat`` list, or a file, ``png`` or ``jpeg``, in base64.
        layout: order of the dimensions: ``chw``, ``hwc`` or ``flat``.
        highest: what white is, for images as numbers; whole numbers where it is 255.
        field: name of the file in a form.
    """

    body: Literal["json", "multipart", "bytes"] = "json"
    template: str = '{"inputs": "{images}"}'
    image: Literal["nested", "flat", "png", "jpeg"] = "nested"
    layout: Literal["chw", "hwc", "flat"] = "chw"
    highest: float = attrs.field(default=1.0, validator=_positive)
    field: str = "file"


@attrs.frozen(kw_only=True)
class AnswerForm:
    """Where the answer stands, and what it is.

    Attributes:
        at: JSON path (RFC 9535) of the answer.
        form: ``json``, or ``tensor`` for an object with ``shape`` and ``data``.
        outputs: what it is; ``auto`` looks.
        classes: names of the service's classes, in its order; as many as the victim tells.
    """

    at: str = "$"
    form: Literal["json", "tensor"] = "json"
    outputs: Outputs = "auto"
    classes: tuple[str, ...] = ()


@attrs.frozen(kw_only=True)
class Price:
    """What a request costs.

    Attributes:
        request: money for each request.
        image: money for each image.
        currency: in which.
    """

    request: float = attrs.field(default=0.0, validator=number(low=0))
    image: float = attrs.field(default=0.0, validator=number(low=0))
    currency: str = ""


@attrs.frozen(kw_only=True)
class Patience:
    """How long is waited, in seconds, and how often is tried.

    Attributes:
        connect: for a connection.
        request: for one answer, from the first byte that is sent to the last that comes.
        wait: at most where the service asks to come back later.
        total: for all of one run.
        statuses: which statuses of HTTP may be tried again.
        tries: how often one request is tried at most; five times at most before the first answer.
        first: before the second try; later waits are longer, and all of them random.
        longest: at most, between two tries.
    """

    connect: float = attrs.field(default=10.0, validator=_positive)
    request: float = attrs.field(default=60.0, validator=_positive)
    wait: float = attrs.field(default=300.0, validator=_positive)
    total: float = attrs.field(default=86400.0, validator=_positive)
    statuses: tuple[int, ...] = (408, 425, 429, 500, 502, 503, 504)
    tries: int = attrs.field(default=10, validator=whole(low=1))
    first: float = attrs.field(default=0.5, validator=number(low=0))
    longest: float = attrs.field(default=30.0, validator=number(low=0))


@attrs.frozen(kw_only=True)
class Most:
    """How large an answer may be.

    Attributes:
        received: bytes that come over the network.
        unpacked: bytes of it once it is decompressed.
    """

    received: int = attrs.field(default=2**24, validator=whole(low=1))
    unpacked: int = attrs.field(default=2**26, validator=whole(low=1))


@attrs.frozen(kw_only=True)
class Description:
    """How a service is asked and its answers are found.

    Attributes:
        url: where requests go.
        method: of HTTP.
        headers: by name, where their values are found.
        images: how many images one request holds at most.
        rate: most requests per second; 0 for any.
        parallel: most requests under way at once.
        metadata: address from which an Open Inference server tells its inputs; empty asks nothing.
        idempotency: name of a header with one value for all tries of a request; empty sends none.
        certificates: path of a file with the certificates to trust, for a service with an authority of its own.
        plain_http: whether secrets may be sent without TLS.
        preparation: what happens to images before they are written, as ``--input`` says it.
        request: what a request looks like.
        answer: where the answer stands.
        price: what a request costs.
        patience: how long is waited, and how often is tried.
        most: how large an answer may be.
    """

    url: str
    method: Literal["POST", "PUT"] = "POST"
    headers: dict[str, Header] = attrs.field(factory=dict)
    images: int = attrs.field(default=1, validator=whole(low=1))
    rate: float = attrs.field(default=0.0, validator=number(low=0))
    parallel: int = attrs.field(default=1, validator=whole(low=1))
    metadata: str = ""
    idempotency: str = ""
    certificates: str = ""
    plain_http: bool = False
    preparation: str = ""
    request: RequestForm = RequestForm()
    answer: AnswerForm = AnswerForm()
    price: Price = Price()
    patience: Patience = Patience()
    most: Most = Most()

    def __attrs_post_init__(self) -> None:
        check_url(self.url)
        if self.metadata:
            check_url(self.metadata)
            if _origin(self.metadata) != _origin(self.url):  # its headers hold secrets, and go there too
                raise ValueError(f"metadata is at another server than url; write an address of {_origin(self.url)}")
        if self.headers and not self.plain_http and urlsplit(self.url).scheme == "http" and not _is_here(self.url):
            raise ValueError(
                f"its headers hold secrets, and {self.url} is not encrypted; use https, or say plain_http = true"
            )
        if self.request.body != "json" and (self.images != 1 or self.request.image not in ("png", "jpeg")):
            raise ValueError("a body that is not JSON holds one image as png or jpeg; say images = 1 and request.image")

    @property
    def price_of(self) -> Any:
        """What is recorded of the price; ``None`` where there is none."""
        return attrs.asdict(self.price) if self.price.request or self.price.image else None


_CONVERTER = make_converter([Header, RequestForm, AnswerForm, Price, Patience, Most, Description])


def read_description(path: str) -> Description:
    """Read a ``service.toml``.

    Raises:
        RecipeError: it cannot be read, or something in it is wrong.
    """
    return parse_text(
        read_text(path, "description of the service"),
        Description,
        _CONVERTER,
        what="description of the service",
        origin=path,
    )


def preset(name: str, url: str, *, address: str, metadata: str = "") -> Description:
    """Return the shipped description of a protocol, for a service at a URL.

    Raises:
        RecipeError: the URL is none.
    """
    head = f"url = {json.dumps(url)}\n" + (f"metadata = {json.dumps(metadata)}\n" if metadata else "")
    text = (_PRESETS / f"{name}.toml").read_text(encoding="utf-8")
    return parse_text(head + text, Description, _CONVERTER, what="address of the service", origin=address)


def check_url(url: str) -> None:
    """Refuse what is not the address of a service, or holds a secret.

    Raises:
        ValueError: it is refused.
    """
    try:
        parts = urlsplit(url)
        fine = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        fine = False
    if not fine or any(letter.isspace() or not letter.isprintable() for letter in url):
        raise ValueError(f"{url!r} is not the URL of a service; write http://HOST:PORT/PATH or https://HOST/PATH")
    if parts.username is not None or parts.password is not None:
        raise ValueError("the URL holds a name or password, which would be recorded; send it as a header")


def _origin(url: str) -> str:
    """Return the server of a URL, with the port that its scheme has where none is named."""
    parts = urlsplit(url)
    port = parts.port or {"http": 80, "https": 443}[parts.scheme]
    return f"{parts.scheme}://{parts.hostname}:{port}"


def _is_here(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def refuse(error: Exception, address: str) -> fpframe.UsageError:
    """Return an error of the description as one of usage."""
    return fpframe.UsageError(f"{error} ({address}); mend the description of the service")
