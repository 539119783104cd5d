"""`cosine`: how like the weights of two networks are."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from torch import Tensor

from fpframe.models import Classifier


def cosine(network: Classifier, weights: Mapping[str, Tensor], names: Iterable[str]) -> float | None:
    """Return the cosine between matrices of a network and others of the same names and shapes.

    It is ``None`` where they have none in common, or nothing but zeros.
    """
    state = network.module.state_dict()
    pairs = [(state[name], weights[name]) for name in names if name in state and name in weights]
    pairs = [(one.detach().cpu().double(), other.double()) for one, other in pairs if one.shape == other.shape]
    product = sum(float((one * other).sum()) for one, other in pairs)
    norms = [math.sqrt(sum(float(each.square().sum()) for each in side)) for side in zip(*pairs, strict=True)]
    return product / (norms[0] * norms[1]) if pairs and all(norms) else None
