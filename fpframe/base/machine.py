"""The machine profile: what decides the last bits of a result beside the seed."""

from __future__ import annotations

import platform

import torch

from fpframe.base.device import bfloat16_of_cpu, computing_device


def machine_profile() -> dict[str, str | int]:
    """Describe the machine as far as it can change floating-point results; a GPU only once this process computes on it.

    Raises:
        UsageError: ``FPFRAME_DEVICE`` cannot be used.
    """
    profile: dict[str, str | int] = {
        "bfloat16": bfloat16_of_cpu(),
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "machine": platform.machine(),
        "python": ".".join(platform.python_version_tuple()[:2]),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
    }
    # asking a GPU for its name would open it, also in processes that never use it
    if torch.cuda.is_initialized() and (device := computing_device()).type == "cuda":
        profile["cuda"] = torch.cuda.get_device_name(device)
    return profile
