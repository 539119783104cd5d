"""How the tests build and name networks."""

from __future__ import annotations

import fpframe


def build(
    source: fpframe.BackboneSource, name: str, shape: tuple[int, int, int] = (1, 8, 8), seed: int = 1
) -> fpframe.Classifier:
    return source.build(name, num_classes=10, image_shape=shape, seed=seed)


def label(value: object) -> str | None:
    return value.name if isinstance(value, fpframe.BackboneSource) else None
