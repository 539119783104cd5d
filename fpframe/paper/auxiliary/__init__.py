"""Queries from other data than the victim's training data."""

from fpframe.paper.auxiliary.experiment import EXPERIMENT

__all__ = ["EXPERIMENT"]
