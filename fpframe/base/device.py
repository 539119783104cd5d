"""The device that computes: a GPU where torch finds one, unless ``FPFRAME_DEVICE`` names another."""

from __future__ import annotations

import os
import re

import torch

from fpframe.errors import UsageError

#: Environment variable that names the device; worker processes inherit it.
CHOICE = "FPFRAME_DEVICE"

_NAME = re.compile(r"cpu|cuda(?::(0|[1-9]\d*))?")


def computing_device() -> torch.device:
    """Return where models are trained and asked: ``cpu``, ``cuda`` or ``cuda:N``.

    Devices are only counted: no memory on them is taken yet.

    Raises:
        UsageError: ``FPFRAME_DEVICE`` names something else, or a device that torch does not find here.
    """
    name = os.environ.get(CHOICE, "")
    if not name:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    known = _NAME.fullmatch(name)
    if known is None:
        raise UsageError(
            f"'{name}' is not a device to compute on ({CHOICE}); set it to cpu, cuda or cuda:N, or unset it"
        )
    if name != "cpu":
        found = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if int(known[1] or 0) >= found:
            raise UsageError(
                f"'{name}' cannot be used: torch finds {found or 'no'} CUDA device{'s' * (found != 1)} here "
                f"({CHOICE}); set it to cpu, or unset it"
            )
    return torch.device(name)
