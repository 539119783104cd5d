"""Former name of what `fpframe.opening` has for suspects that live in this process; removed in release 2."""

from __future__ import annotations

import warnings

from fpframe.errors import FpframeDeprecationWarning
from fpframe.opening.inprocess import *  # noqa: F403

warnings.warn("fpframe.inprocess is removed in release 2; use fpframe.opening", FpframeDeprecationWarning, stacklevel=2)
