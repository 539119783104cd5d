"""An encoder that was fitted for another victim."""

from fpframe.paper.transfer.experiment import EXPERIMENT

__all__ = ["EXPERIMENT"]
