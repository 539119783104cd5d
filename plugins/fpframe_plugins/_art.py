"""The Adversarial Robustness Toolbox (ART), imported late.

Not a plugin: the components that are named after the toolbox use it.
"""

from __future__ import annotations

import importlib
import warnings
from typing import Any

from torch import nn

import fpframe
from fpframe import Classifier
from fpframe.rng import isolated


def art(module: str, needed_by: str) -> Any:
    """Import a module of ART, such as ``attacks.evasion``.

    Args:
        module: its name behind ``art.``.
        needed_by: what a message calls the component that needs it.

    Raises:
        UsageError: it is not installed.
    """
    try:
        with warnings.catch_warnings(), isolated(0):  # importing it draws random numbers, and warns of other libraries
            warnings.simplefilter("ignore")
            return importlib.import_module(f"art.{module}")
    except ModuleNotFoundError as error:
        raise fpframe.UsageError(
            f"the Adversarial Robustness Toolbox is not installed ({needed_by}); pip install 'fpframe[art]'"
        ) from error


def estimator(model: Classifier, needed_by: str, **how: Any) -> Any:
    """Return ART's wrapper of a classifier: float32 pixels in [0, 1] to logits, on the device of the classifier.

    Args:
        model: it is wrapped as it is, and not copied.
        needed_by: as for `art`.
        how: further arguments of ``PyTorchClassifier``, such as an optimizer.

    Raises:
        UsageError: ART is not installed.
    """
    return art("estimators.classification", needed_by).PyTorchClassifier(
        model, loss=nn.CrossEntropyLoss(), input_shape=model.image_shape, nb_classes=model.num_classes,
        clip_values=(0.0, 1.0), preprocessing=None, device_type="gpu" if model.device.type == "cuda" else "cpu", **how,
    )  # fmt: skip
