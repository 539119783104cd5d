"""`Preview`, `Meter` and `Service`: what is told of a service, before it is asked and while it is."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

import attrs
from torch import Tensor


@attrs.frozen(kw_only=True)
class Preview:
    """What a request for some images would be, with no secret in it.

    Attributes:
        method: of HTTP.
        url: where it goes.
        headers: by name; in the place of a secret stands where it comes from.
        body: the first part of the body, as text.
        body_bytes: how long the body is.
        images: how many images it holds.
        price: what it costs, such as ``0.01 EUR``; empty where no price is known.
        before: URL that is asked first, without images, for the name and type of its input; empty where none is.
    """

    method: str
    url: str
    headers: dict[str, str]
    body: str
    body_bytes: int
    images: int
    price: str = ""
    before: str = ""


class Meter(Protocol):
    """What is known of what a service was sent."""

    @property
    def answered(self) -> int:
        """How many images were answered, in earlier runs too."""

    @property
    def spending(self) -> str:
        """What was sent and spent so far, in a few words."""

    def evidence(self) -> dict[str, Any]:
        """Return what a third party needs to see which service answered, and when, as JSON-able data."""


@runtime_checkable
class Service(Meter, Protocol):
    """What a service that is open in this process tells of itself."""

    @property
    def last_answer(self) -> str:
        """The beginning of the last answer; empty where there is none."""

    def preview(self, pixels: Tensor) -> Preview:
        """Return what would be sent for pixels ``(N, C, H, W)`` in [0, 1]; nothing is sent."""
