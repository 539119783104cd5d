"""fpframe: tell whether a neural network was stolen from yours.

Names are imported on first use, so that ``import fpframe`` is fast and does not import torch. They stand once, in the
stub beside this file, which type checkers read too.
"""

from __future__ import annotations

from typing import Any

import lazy_loader

#: Former names that still work: the new name, and the release that removes the old one.
_DEPRECATED: dict[str, tuple[str, str]] = {"extract": ("ask", "0.3")}

_attach, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)


def __getattr__(name: str) -> Any:
    if name in _DEPRECATED:
        return _deprecated(name)
    if name not in __all__:
        raise AttributeError(f"module 'fpframe' has no attribute {name!r}")
    return _attach(name)


def _deprecated(name: str) -> Any:
    import warnings

    from fpframe.errors import FpframeDeprecationWarning

    new, release = _DEPRECATED[name]
    # the caller of `__getattr__` is two calls away
    warnings.warn(f"fpframe.{name} is removed in {release}; use fpframe.{new}", FpframeDeprecationWarning, stacklevel=3)
    return _attach(new)
