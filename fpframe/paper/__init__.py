"""The experiments of the paper's supplement, each in a file of its own, on one victim and one zoo."""

from fpframe.paper.experiment import EXPERIMENTS, Claim, Experiment, Finding, Table
from fpframe.paper.laboratory import Laboratory
from fpframe.paper.reproducing import open_laboratory, reproduce
from fpframe.paper.writing import Run

__all__ = [
    "EXPERIMENTS",
    "Claim",
    "Experiment",
    "Finding",
    "Laboratory",
    "Run",
    "Table",
    "open_laboratory",
    "reproduce",
]
