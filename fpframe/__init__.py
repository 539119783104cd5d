"""fpframe: tell whether a neural network was stolen from yours.

Names are imported on first use, so that ``import fpframe`` is fast and does not import torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fpframe.backbones import build_backbone
    from fpframe.channel import through_channel
    from fpframe.classifier import Classifier, evaluating
    from fpframe.comparison import Comparison, compare
    from fpframe.dataset import Dataset, Images
    from fpframe.enrolment import Enrolment, calibrate, enroll
    from fpframe.errors import (
        DataError,
        FpframeDeprecationWarning,
        FpframeError,
        IntegrityError,
        ModelError,
        ParameterError,
        PluginError,
        RecipeError,
        ResourceError,
        UsageError,
    )
    from fpframe.evaluation import Evaluation, evaluate
    from fpframe.events import Event, log_events
    from fpframe.fingerprint import extract
    from fpframe.hookspecs import PLUGIN_API, hookimpl
    from fpframe.interfaces import (
        AnswerFilter,
        AttackContext,
        AttackSimulator,
        Augmenter,
        BackboneSource,
        Component,
        ComponentSpec,
        DatasetSource,
        Encoder,
        FilteredQuery,
        Part,
        Perturbation,
        PerturbationGenerator,
        Probe,
        References,
        Scheme,
        SuspectRequest,
        SuspectSource,
    )
    from fpframe.loading import load_registry
    from fpframe.query import Query
    from fpframe.queryset import QuerySet
    from fpframe.recipe import Recipe
    from fpframe.registry import Registry
    from fpframe.store import Store
    from fpframe.suspects import open_suspect
    from fpframe.training import Training, train
    from fpframe.verification import Transcript, Verdict, export_queries, verify, verify_many
    from fpframe.weights import load_weights, save_weights
    from fpframe.zoo import Lineage, Zoo, ZooPlan, export_zoo, plan_zoo

_HOME = {
    "AnswerFilter": "interfaces",
    "AttackContext": "interfaces",
    "AttackSimulator": "interfaces",
    "Augmenter": "interfaces",
    "BackboneSource": "interfaces",
    "Classifier": "classifier",
    "Comparison": "comparison",
    "Component": "interfaces",
    "ComponentSpec": "interfaces",
    "DataError": "errors",
    "Dataset": "dataset",
    "DatasetSource": "interfaces",
    "Encoder": "interfaces",
    "Enrolment": "enrolment",
    "Evaluation": "evaluation",
    "Event": "events",
    "FilteredQuery": "interfaces",
    "FpframeDeprecationWarning": "errors",
    "FpframeError": "errors",
    "Images": "dataset",
    "IntegrityError": "errors",
    "Lineage": "zoo",
    "ModelError": "errors",
    "PLUGIN_API": "hookspecs",
    "ParameterError": "errors",
    "Part": "interfaces",
    "Perturbation": "interfaces",
    "PerturbationGenerator": "interfaces",
    "PluginError": "errors",
    "Probe": "interfaces",
    "Query": "query",
    "QuerySet": "queryset",
    "Recipe": "recipe",
    "RecipeError": "errors",
    "References": "interfaces",
    "Registry": "registry",
    "ResourceError": "errors",
    "Scheme": "interfaces",
    "Store": "store",
    "SuspectRequest": "interfaces",
    "SuspectSource": "interfaces",
    "Training": "training",
    "Transcript": "verification",
    "UsageError": "errors",
    "Verdict": "verification",
    "Zoo": "zoo",
    "ZooPlan": "zoo",
    "build_backbone": "backbones",
    "calibrate": "enrolment",
    "compare": "comparison",
    "enroll": "enrolment",
    "evaluate": "evaluation",
    "evaluating": "classifier",
    "export_queries": "verification",
    "export_zoo": "zoo",
    "extract": "fingerprint",
    "hookimpl": "hookspecs",
    "load_registry": "loading",
    "load_weights": "weights",
    "log_events": "events",
    "open_suspect": "suspects",
    "plan_zoo": "zoo",
    "save_weights": "weights",
    "through_channel": "channel",
    "train": "training",
    "verify": "verification",
    "verify_many": "verification",
}

__all__ = [
    "PLUGIN_API",
    "AnswerFilter",
    "AttackContext",
    "AttackSimulator",
    "Augmenter",
    "BackboneSource",
    "Classifier",
    "Comparison",
    "Component",
    "ComponentSpec",
    "DataError",
    "Dataset",
    "DatasetSource",
    "Encoder",
    "Enrolment",
    "Evaluation",
    "Event",
    "FilteredQuery",
    "FpframeDeprecationWarning",
    "FpframeError",
    "Images",
    "IntegrityError",
    "Lineage",
    "ModelError",
    "ParameterError",
    "Part",
    "Perturbation",
    "PerturbationGenerator",
    "PluginError",
    "Probe",
    "Query",
    "QuerySet",
    "Recipe",
    "RecipeError",
    "References",
    "Registry",
    "ResourceError",
    "Scheme",
    "Store",
    "SuspectRequest",
    "SuspectSource",
    "Training",
    "Transcript",
    "UsageError",
    "Verdict",
    "Zoo",
    "ZooPlan",
    "build_backbone",
    "calibrate",
    "compare",
    "enroll",
    "evaluate",
    "evaluating",
    "export_queries",
    "export_zoo",
    "extract",
    "hookimpl",
    "load_registry",
    "load_weights",
    "log_events",
    "open_suspect",
    "plan_zoo",
    "save_weights",
    "through_channel",
    "train",
    "verify",
    "verify_many",
]


#: Former names that still work: the new one, and the release with which the former goes.
_DEPRECATED: dict[str, tuple[str, str]] = {}


if not TYPE_CHECKING:  # or type checkers would believe in every name

    def __getattr__(name: str) -> Any:
        if name in _DEPRECATED:
            return _deprecated(name)
        if name not in _HOME:
            raise AttributeError(f"module 'fpframe' has no attribute {name!r}")
        return getattr(importlib.import_module(f"fpframe.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return __all__


def _deprecated(name: str) -> Any:
    import warnings

    from fpframe.errors import FpframeDeprecationWarning

    new, release = _DEPRECATED[name]
    # the caller of `__getattr__` is two calls away
    warnings.warn(f"fpframe.{name} goes with {release}; use fpframe.{new}", FpframeDeprecationWarning, stacklevel=3)
    return getattr(importlib.import_module(__name__), new)
