"""Views of one fingerprint."""

from fpframe.paper.views.experiment import EXPERIMENT

__all__ = ["EXPERIMENT"]
