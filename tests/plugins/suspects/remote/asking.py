"""Services on this machine, described and asked in tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import fpframe

SHAPE, CLASSES = (1, 8, 8), 10

#: A description in which nothing is waited for.
DESCRIPTION = """
url = "{url}"
images = 4
idempotency = "Idempotency-Key"
{top}
[answer]
at = "$.predictions"
[price]
request = 0.01
currency = "EUR"
[patience]
connect = 5
request = {seconds}
tries = 4
first = 0
longest = 0
[most]
received = 1000000
unpacked = 10000000
{more}
"""


def describe(folder: Path, url: str, *, top: str = "", more: str = "", seconds: float = 30) -> str:
    """Write a description of a service, for whose answers some seconds are waited, and return the address."""
    path = folder / "service.toml"
    path.write_text(DESCRIPTION.format(url=url, top=top, more=more, seconds=seconds))
    return f"http:{path}"


def request_for(address: str, **options: Any) -> fpframe.SuspectRequest:
    """Return what opens it."""
    options = {"num_classes": CLASSES, "image_shape": SHAPE, **options}
    return fpframe.SuspectRequest(address=address, **options)


def open_service(registry: fpframe.Registry, address: str, **options: Any) -> fpframe.Query:
    """Open it in this process."""
    return fpframe.open_suspect(address, registry=registry, **{"num_classes": CLASSES, "image_shape": SHAPE, **options})


def pixels(count: int = 12, seed: int = 0) -> Tensor:
    """Return 8-bit images as pixels."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (count, *SHAPE), generator=generator) / 255
