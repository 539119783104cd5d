"""Evaluation: how well an enrolment does on models of which the truth is known."""

from fpframe.evaluation.counts import Rate, Separation
from fpframe.evaluation.diagnostics import Diagnostics, diagnose
from fpframe.evaluation.evaluating import evaluate
from fpframe.evaluation.records import Evaluation, HeldOut

__all__ = ["Diagnostics", "Evaluation", "HeldOut", "Rate", "Separation", "diagnose", "evaluate"]
