"""The 8-bit query that a delta becomes, for methods whose aim must hold on it and not beside it.

Not a plugin: `boundary`, `conferrable`, `stretched` and `targeted-bits` use it.
"""

from __future__ import annotations

from torch import Tensor

from fpframe.models import grid_steps


def as_asked(x: Tensor, delta: Tensor) -> Tensor:
    """Return the delta with which an 8-bit image is asked: truncated towards zero onto the 1/255 grid, inside [0, 1].

    On images `x` of 8 bits `fpframe.models.queryset.add_perturbation` leaves it as it is.

    Args:
        x: pixels ``(N, C, H, W)`` in [0, 1].
        delta: pixel units ``(N, C, H, W)``.
    """
    return (x + grid_steps(delta) / 255).clamp(0, 1) - x
