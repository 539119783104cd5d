"""How many fingerprints and points a verdict needs."""

from fpframe.paper.queries.experiment import EXPERIMENT

__all__ = ["EXPERIMENT"]
