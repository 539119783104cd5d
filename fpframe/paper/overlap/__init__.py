"""Independent models that share training images with the victim."""

from fpframe.paper.overlap.experiment import EXPERIMENT

__all__ = ["EXPERIMENT"]
