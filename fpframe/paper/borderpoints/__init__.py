"""Points on the victim's decision boundary."""

from fpframe.paper.borderpoints.experiment import EXPERIMENT

__all__ = ["EXPERIMENT"]
