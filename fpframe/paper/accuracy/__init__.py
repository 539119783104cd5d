"""Accuracy of every architecture, trained normally and extracted."""

from fpframe.paper.accuracy.experiment import EXPERIMENT

__all__ = ["EXPERIMENT"]
