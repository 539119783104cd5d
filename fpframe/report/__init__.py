"""Results as tables and pictures: pure functions from records to text."""

from fpframe.report.pictures import similarity_svg
from fpframe.report.plane import tsne_svg
from fpframe.report.tables import evaluation_markdown

__all__ = ["evaluation_markdown", "similarity_svg", "tsne_svg"]
