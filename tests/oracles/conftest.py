"""Oracle tests: agreement with independent implementations, in an environment of their own.

They are collected only where ``FPFRAME_ORACLES=1`` says that the oracles are meant to be there. Then a missing one is
an error, never a skip.
"""

from __future__ import annotations

import os
import sys
import types
import warnings

import pytest

import fpframe
from oracles.small_model import trained_on_digits

if os.environ.get("FPFRAME_ORACLES") == "1":
    # adv-lib imports visdom for its plots only; see requirements-no-deps.txt
    visdom = types.ModuleType("visdom")
    visdom.Visdom = object  # type: ignore[attr-defined]
    sys.modules.setdefault("visdom", visdom)
    # they use names that others have deprecated, and warnings are errors in tests
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        import adv_lib.attacks  # noqa: F401
        import art.attacks.evasion  # noqa: F401
        import foolbox  # noqa: F401
else:
    collect_ignore_glob = ["test_*.py", "decision/*.py"]


@pytest.fixture(scope="session")
def victim() -> fpframe.Classifier:
    """The model that is perturbed."""
    return trained_on_digits()
