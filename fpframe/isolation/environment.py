"""The environment variables that a suspect sees."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

from fpframe.errors import UsageError

#: Variables that say where things lie and how programs compute, and hold no secrets.
_HARMLESS = (
    "PATH HOME USER LOGNAME LANG LANGUAGE TZ TMPDIR VIRTUAL_ENV CONDA_PREFIX LD_LIBRARY_PATH LD_PRELOAD "
    "XDG_CACHE_HOME XDG_CONFIG_HOME XDG_DATA_HOME TORCH_HOME HF_HOME NO_COLOR "
    "PYTHONPATH PYTHONHOME PYTHONHASHSEED PYTHONUTF8 PYTHONIOENCODING PYTHONWARNINGS PYTHONDONTWRITEBYTECODE "
    "CUDA_VISIBLE_DEVICES CUDA_DEVICE_ORDER CUDA_HOME CUDA_PATH CUBLAS_WORKSPACE_CONFIG NVIDIA_TF32_OVERRIDE "
    "NVIDIA_VISIBLE_DEVICES NVIDIA_DRIVER_CAPABILITIES HIP_VISIBLE_DEVICES ROCR_VISIBLE_DEVICES"
)
_HARMLESS_BEGINNINGS = ("LC_", "OMP_", "GOMP_", "KMP_", "MKL_", "OPENBLAS_", "NUMEXPR_", "FPFRAME_", "ATEN_", "ONEDNN_")


def seen_variables(named: tuple[str, ...] | None) -> Mapping[str, str]:
    """Return the environment of a suspect: what is harmless, and what was named; all of it where that is ``None``.

    Raises:
        UsageError: a variable that was named is not set.
    """
    if named is None:
        return dict(os.environ)
    named_variables(named)
    return {
        name: value
        for name, value in os.environ.items()
        if name in _HARMLESS.split() or name.startswith(_HARMLESS_BEGINNINGS) or name in named
    }


def named_variables(names: Iterable[str]) -> dict[str, str]:
    """Return environment variables by name.

    Raises:
        UsageError: one of them is not set.
    """
    for name in (names := list(names)):
        if name not in os.environ:
            raise UsageError(f"there is no environment variable '{name}' that a suspect could see; set it first")
    return {name: os.environ[name] for name in names}
