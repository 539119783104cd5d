"""The machine profile: what else than the seed decides the last bits of a result."""

from __future__ import annotations

import platform

import torch


def machine_profile() -> dict[str, str | int]:
    """Describe the machine as far as it can change floating-point results."""
    return {
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "machine": platform.machine(),
        "python": ".".join(platform.python_version_tuple()[:2]),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
    }
