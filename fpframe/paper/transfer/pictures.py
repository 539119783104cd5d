"""The second victim's models as two encoders see them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import attrs
import numpy as np
from matplotlib.figure import Figure

from fpframe.report import COLOURS, LABELS, draw_plane, embed_in_plane, open_axes, svg_text


@attrs.frozen(kw_only=True, eq=False)
class Embedded:
    """Embeddings of the views of models.

    Attributes:
        points: ``(M, E)``.
        kinds: what each view is of, one of `fpframe.report.evaluation.plane.KINDS`.
    """

    points: np.ndarray
    kinds: Sequence[str]


def draw_planes(embedded: Mapping[str, Embedded], *, seed: int) -> str:
    """Draw embeddings in the plane by t-SNE, one panel for each encoder, by its name."""
    figure = Figure(figsize=(4.2 * len(embedded), 4.4), layout="constrained")
    for column, (encoder, each) in enumerate(embedded.items(), start=1):
        axes = figure.add_subplot(1, len(embedded), column)
        draw_plane(axes, embed_in_plane(each.points, seed=seed), each.kinds)
        axes.set_title(encoder, fontsize=10)
    handles, labels = figure.axes[0].get_legend_handles_labels()
    # every encoder was given the same views
    counts = {LABELS[kind]: count for kind, count in Counter(next(iter(embedded.values())).kinds).items()}
    told = [f"{label.replace('the victim', 'the second victim')} ({counts[label]} views)" for label in labels]
    figure.legend(handles, told, loc="outside lower center", ncols=2, fontsize=8, frameon=False)
    return svg_text(figure)


def draw_similarities(judged: Mapping[str, tuple[np.ndarray, np.ndarray, np.ndarray]]) -> str:
    """Draw the similarity of every model to the second victim.

    Args:
        judged: by scheme and encoder, that of models derived from it, independent ones, and those derived from the
            first victim.
    """
    figure, axes = open_axes(7.6, 0.75 * len(judged) + 1.6)
    looks = (
        ("derived from the second victim", COLOURS["derived"], "o", 0.22),
        ("independent", COLOURS["independent"], "s", 0.0),
        ("derived from the first victim", COLOURS["other-teacher"], "^", -0.22),
    )
    for row, groups in enumerate(judged.values()):
        for (label, colour, marker, offset), scores in zip(looks, groups, strict=True):
            axes.plot(
                scores,
                np.full(len(scores), len(judged) - row + offset),
                marker,
                color=colour,
                markersize=4.5,
                alpha=0.7,
                markeredgewidth=0,
                linestyle="",
                label=f"{label} (n = {len(scores)})" if row == 0 else None,
            )
    axes.set_yticks(range(len(judged), 0, -1), [name.replace(", ", "\n") for name in judged])
    axes.set_xlabel("similarity to the second victim")
    figure.legend(loc="outside lower center", ncols=3, fontsize=8, frameon=False)
    return svg_text(figure)
