"""Tests with libraries that models come from, that verify evidence or submit jobs, in an environment of their own.

They are collected only where ``FPFRAME_ADAPTERS=1`` says that the libraries are meant to be there. Then a missing one
is an error, never a skip.
"""

from __future__ import annotations

import importlib
import os
import warnings

LIBRARIES = (
    "ai_edge_litert.interpreter",
    "art.estimators.classification",
    "cyclonedx.validation.json",
    "datasets",
    "keras",
    "mlflow.artifacts",
    "mlflow.pyfunc",
    "model_signing",
    "openvino",
    "submitit",
    "transformers",
)

if os.environ.get("FPFRAME_ADAPTERS") == "1":
    os.environ["KERAS_BACKEND"] = "torch"
    # what libraries warn of while they are imported is none of ours, and warnings are errors in tests
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in LIBRARIES:
            importlib.import_module(name)
else:
    collect_ignore_glob = ["test_*.py"]
