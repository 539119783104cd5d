"""`Scheme`: a fingerprint method as data: query parts and an encoder, all by name."""

from __future__ import annotations

from typing import Any

import attrs

from fpframe.parameters import whole


@attrs.frozen
class ComponentSpec:
    """A component by name, with parameters that differ from its defaults."""

    name: str
    params: dict[str, Any] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class Part:
    """One kind of query in a scheme.

    Attributes:
        augmenter: chooses the points.
        perturbation: what is added to them.
        pair: whether each point is asked clean and perturbed, or only perturbed.
        points: number of points N; ``None`` takes the recipe's.
        views: number of views V; ``None`` takes the recipe's.
    """

    augmenter: ComponentSpec
    perturbation: ComponentSpec
    pair: bool = True
    points: int | None = attrs.field(default=None, validator=whole(low=2, optional=True))
    views: int | None = attrs.field(default=None, validator=whole(low=1, optional=True))


@attrs.frozen(kw_only=True)
class Scheme:
    """A fingerprint method.

    Attributes:
        name: what it is called by.
        summary: one line for listings, with the paper it comes from.
        parts: kinds of query, asked in this order.
        encoder: turns answers into embeddings.
    """

    name: str
    summary: str
    parts: tuple[Part, ...]
    encoder: ComponentSpec
