"""The device that computes: a GPU where torch finds one, unless a run or ``FPFRAME_DEVICE`` names another."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

import torch

from fpframe.errors import UsageError

#: Environment variable that names the device; worker processes inherit it.
CHOICE = "FPFRAME_DEVICE"

_NAME = re.compile(r"cpu|cuda(?::(0|[1-9]\d*))?")
#: The device of the run at hand. Each thread has its own.
_CHOSEN: ContextVar[str | None] = ContextVar("device", default=None)


def computing_device() -> torch.device:
    """Return where models are trained and asked: ``cpu``, ``cuda`` or ``cuda:N``.

    Devices are only counted: no memory on them is taken yet.

    Raises:
        UsageError: the run or ``FPFRAME_DEVICE`` names something else, or a device that torch does not find here.
    """
    chosen = _CHOSEN.get()
    origin = CHOICE if chosen is None else "the run's device"
    name = os.environ.get(CHOICE, "") if chosen is None else chosen
    if not name:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    known = _NAME.fullmatch(name)
    if known is None:
        raise UsageError(
            f"'{name}' is not a device to compute on ({origin}); set it to cpu, cuda or cuda:N, or unset it"
        )
    if name != "cpu":
        found = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if int(known[1] or 0) >= found:
            raise UsageError(
                f"'{name}' cannot be used: torch finds {found or 'no'} CUDA device{'s' * (found != 1)} here "
                f"({origin}); set it to cpu, or unset it"
            )
    return torch.device(name)


@contextmanager
def computing_on(device: str | None) -> Iterator[None]:
    """Let `computing_device` return a device inside the block; ``None`` leaves it as it is.

    Raises:
        UsageError: it is not a device to compute on, or torch does not find it here.
    """
    if device is None:
        yield
        return
    token = _CHOSEN.set(device)
    try:
        computing_device()  # refuse it before the work begins
        yield
    finally:
        _CHOSEN.reset(token)


def has_bfloat16(device: torch.device) -> bool:
    """Tell whether a device computes in bfloat16 itself; where it is emulated, float32 is faster."""
    if device.type == "cpu":
        return bfloat16_of_cpu() != "none"
    with torch.cuda.device(device):
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))


def bfloat16_of_cpu() -> str:
    """Return what the CPU computes bfloat16 with: ``amx``, ``avx512``, or ``none``; others are untried."""
    # the function is newer than the oldest PyTorch that fpframe works with
    known: Mapping[str, object] = getattr(torch.cpu, "get_capabilities", dict)()
    return next((name for name, key in (("amx", "amx_bf16"), ("avx512", "avx512_bf16")) if known.get(key)), "none")
