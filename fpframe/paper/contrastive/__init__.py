"""The contrastive encoder against an auto-encoder."""

from fpframe.paper.contrastive.experiment import EXPERIMENT

__all__ = ["EXPERIMENT"]
