"""Comparison: several schemes on the same models."""

from fpframe.comparison.cells import ALL_INDEPENDENT, ALL_THEFTS, Area, Contrast, areas, cells, contrasts, pairs
from fpframe.comparison.comparing import compare
from fpframe.comparison.records import Comparison, Cost, Outcome, Questioned

__all__ = [
    "ALL_INDEPENDENT",
    "ALL_THEFTS",
    "Area",
    "Comparison",
    "Contrast",
    "Cost",
    "Outcome",
    "Questioned",
    "areas",
    "cells",
    "compare",
    "contrasts",
    "pairs",
]
