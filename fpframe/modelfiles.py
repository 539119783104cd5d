"""Former name of what `fpframe.opening` has for suspects that are files; removed in release 2."""

from __future__ import annotations

import warnings

from fpframe.errors import FpframeDeprecationWarning
from fpframe.opening.batches import in_chunks  # noqa: F401
from fpframe.opening.modelfiles import *  # noqa: F403

warnings.warn(
    "fpframe.modelfiles is removed in release 2; use fpframe.opening", FpframeDeprecationWarning, stacklevel=2
)
