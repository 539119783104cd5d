"""Embeddings in the plane, by t-SNE (van der Maaten, 2008)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fpframe.evaluation import Evaluation
from fpframe.report.drawing import COLOURS, LABELS, drawn_as, svg_text
from fpframe.rng import derive_seed, isolated, threads

#: Drawn in this order, the victim last and on top.
KINDS = ("independent", "other-teacher", "derived", "victim")


def embed_in_plane(embeddings: np.ndarray, *, seed: int) -> np.ndarray:
    """Return points ``(M, 2)`` whose neighbours are those of embeddings ``(M, E)``."""
    # more threads are many times slower on this little data, and change the last bits
    with threads(1), isolated(seed):
        from sklearn.manifold import TSNE  # draws random numbers when it is imported

        plane: np.ndarray = TSNE(
            perplexity=min(30.0, (len(embeddings) - 1) / 3), init="pca", random_state=seed % 2**32
        ).fit_transform(embeddings)
    return plane


def draw_plane(axes: Axes, plane: np.ndarray, kinds: Sequence[str]) -> None:
    """Draw points ``(M, 2)`` by their kind, one of `KINDS` each."""
    for kind in KINDS:
        chosen = np.array([name == kind for name in kinds])
        if chosen.any():
            marker, size = ("*", 110.0) if kind == "victim" else ("o", 22.0)
            x, y = plane[chosen].T
            axes.scatter(x, y, s=size, marker=marker, color=COLOURS[kind], label=LABELS[kind], alpha=0.85, linewidths=0)
    axes.set_xticks([])
    axes.set_yticks([])


def tsne_svg(evaluation: Evaluation) -> str:
    """Draw the embeddings of the victim's and the held-out models' views in the plane."""
    kinds = ["victim"] * len(evaluation.victim_embeddings)
    rows = [evaluation.victim_embeddings.numpy()]
    for suspect in evaluation.suspects:
        rows.append(suspect.embeddings.numpy())
        kinds += [drawn_as(suspect.model)] * len(suspect.embeddings)
    seed = derive_seed(evaluation.enrolment.recipe.seed, "t-SNE")
    figure = Figure(figsize=(5.6, 4.8), layout="constrained")
    axes = figure.add_subplot()
    draw_plane(axes, embed_in_plane(np.concatenate(rows), seed=seed), kinds)
    axes.set_title(f"{evaluation.enrolment.scheme}: embeddings of views (t-SNE)", fontsize=10)
    figure.legend(loc="outside lower center", ncols=2, fontsize=8, frameon=False)
    return svg_text(figure)
