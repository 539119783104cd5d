"""The independent libraries, imported once, with what they need to be importable at all."""

from __future__ import annotations

import sys
import types
import warnings

# adv-lib imports visdom for its plots only; see tests/oracles/requirements-no-deps.txt
_VISDOM = types.ModuleType("visdom")
_VISDOM.Visdom = object  # type: ignore[attr-defined]
sys.modules.setdefault("visdom", _VISDOM)

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of names that other libraries have deprecated
    import foolbox
    from adv_lib.attacks.carlini_wagner.l2 import carlini_wagner_l2
    from adv_lib.attacks.decoupled_direction_norm import ddn
    from adv_lib.attacks.deepfool import df
    from art.attacks.evasion import DeepFool, UniversalPerturbation
    from art.estimators.classification import PyTorchClassifier
    from pytorch_metric_learning.losses import SupConLoss

#: Distributions whose versions stand below the table.
DISTRIBUTIONS = ("adv-lib", "foolbox", "adversarial-robustness-toolbox", "pytorch-metric-learning")

__all__ = [
    "DISTRIBUTIONS",
    "DeepFool",
    "PyTorchClassifier",
    "SupConLoss",
    "UniversalPerturbation",
    "carlini_wagner_l2",
    "ddn",
    "df",
    "foolbox",
]
