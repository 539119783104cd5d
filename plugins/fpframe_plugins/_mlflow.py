"""MLflow, imported late.

Not a plugin: what opens models of MLflow and what logs to it use it.
"""

from __future__ import annotations

import importlib
from typing import Any

import fpframe
from fpframe.rng import isolated


def mlflow_library(needed_by: str) -> Any:
    """Import MLflow.

    Args:
        needed_by: what a message says needs it.

    Raises:
        UsageError: it is not installed.
    """
    try:
        with isolated(0):
            importlib.import_module("mlflow.artifacts")
            return importlib.import_module("mlflow")
    except ImportError as error:
        raise fpframe.UsageError(f"mlflow is not installed ({needed_by}); pip install 'fpframe[mlflow]'") from error
