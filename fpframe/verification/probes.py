"""Ask a suspect a few images again: does it say the same, and does an answer belong to its image?"""

from __future__ import annotations

import attrs
import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from fpframe.interfaces import Probe
from fpframe.models import QuerySet, to_pixels
from fpframe.verification.interview import Interview

#: Images that are asked again, after all views: in one batch, and twice alone.
PROBES = 16
ROUNDS = 3
#: How far two answers may differ and still be one: batches of other sizes are added up in another order.
SLACK = 1e-4
#: A difference that half precision does not explain.
NOTABLE = 0.02


def probe_indices(queries: QuerySet) -> Tensor:
    """Return which queries of the first view are asked again: evenly spaced, so that every part has some."""
    count = queries.images.shape[1]
    spaced: Tensor = torch.linspace(0, count - 1, min(PROBES, count)).round().long()
    return spaced.unique()  # type: ignore[no-any-return]


def control_indices(count: int) -> Tensor:
    """Return near copies of which images that ability is measured on a service is asked in the end: evenly spaced."""
    spaced: Tensor = torch.linspace(0, count - 1, min(PROBES, count)).round().long()
    return spaced.unique()  # type: ignore[no-any-return]


def near_copies(images: Tensor) -> Tensor:
    """Return 8-bit images ``(N, C, H, W)`` whose middle is one level of 255 brighter or darker than that of others.

    A model answers them as it answers these. A service that refuses what it was sent before, or keeps its answers, does
    not know them. The middle is a quarter of the height and width, which no crop leaves out.
    """
    copies = images.clone()
    high, wide = (slice((size - max(1, size // 4)) // 2, (size + max(1, size // 4)) // 2) for size in images.shape[2:])
    middle = images[..., high, wide].to(torch.int16)
    copies[..., high, wide] = torch.where(middle < 128, middle + 1, middle - 1).to(images.dtype)
    return copies


def asking_order(queries: QuerySet, able: Tensor) -> Tensor:
    """Return all images ``(N, C, H, W)`` that a suspect is sent, in order.

    The images that ability is measured on come first, then the views, and some images of the first view again.

    Args:
        queries: the query set.
        able: the images ``(A, C, H, W)`` for ability; A is 0 where the enrolment has none.
    """
    probes = queries.images[0, probe_indices(queries)]
    return torch.cat([able, queries.images.flatten(0, 1), *[probes] * ROUNDS])


@attrs.frozen(kw_only=True, eq=False)
class Probed:
    """What probing showed.

    Attributes:
        answers: probabilities ``(3, P, K)``: asked in one batch, alone, and alone again.
        positions: which queries of the first view these are.
        changing: whether the answers to an image that is asked alone change between repeats.
        swapped: whether a batch was answered in another order than it was asked.
        mixing: whether an image is answered otherwise in a batch than alone, by a suspect that does not change.
    """

    answers: Tensor
    positions: Tensor
    changing: bool
    swapped: bool
    mixing: bool


def probe(interview: Interview, queries: QuerySet) -> Probed:
    """Ask some images of the first view three times more."""
    positions = probe_indices(queries)
    images = queries.images[0, positions]
    together, alone, again = interview.ask(images), interview.ask(images, alone=True), interview.ask(images, alone=True)
    changing = not bool(_same(alone, again).all())
    moved = int((~_same(together, alone)).sum())
    swapped = moved > 1 and _reordered(together, alone)
    return Probed(
        answers=torch.stack([together, alone, again]),
        positions=positions,
        changing=changing,
        swapped=swapped,
        mixing=moved > 0 and not swapped and not changing,
    )


def probe_for_filters(probed: Probed, interview: Interview, queries: QuerySet, unasked: int) -> Probe:
    """Return what a filter may look at, and ask, to recognise itself; `unasked` queries may still have to be asked."""

    def ask(pixels: Tensor) -> Tensor:
        # what is to be asked in any case comes first
        interview.query.require(len(pixels) + unasked)
        return interview.ask((pixels * 255).round().to(torch.uint8), alone=True)

    return Probe(pixels=to_pixels(queries.images[0, probed.positions]), answers=probed.answers, ask=ask)


def misplaced(probed: Probed, view: Tensor) -> bool:
    """Tell whether the answers ``(Q, K)`` to the first view stand in other rows than those of their images.

    A batch of all queries may be reordered where one of a few is not. Labels repeat, so that they cannot show it.
    """
    alone = probed.answers[1]
    if probed.changing or bool(((view == 0) | (view == 1)).all()):
        return False
    wrong = ~_same(view[probed.positions], alone)
    elsewhere = torch.stack([_same(view, row).any() for row in alone])
    return int((wrong & elsewhere).sum()) > 1


def moved_share(one: Tensor, other: Tensor) -> float:
    """Return the share of rows ``(P, K)`` that differ by more than other batches or another precision explain."""
    finite = one.isfinite().all(-1) & other.isfinite().all(-1)
    return float((((one - other).abs().amax(-1) > NOTABLE) & finite).float().mean())


def _same(one: Tensor, other: Tensor) -> Tensor:
    """Return ``(N,)`` booleans: which rows are one answer. NaN equals nothing, but is not a sign of a change."""
    finite = one.isfinite().all(-1) & other.isfinite().all(-1)
    return ((one - other).abs().amax(-1) <= SLACK) | ~finite


def _reordered(rows: Tensor, others: Tensor) -> bool:
    """Tell whether some other order makes two sets of rows equal."""
    far = ((rows[:, None] - others[None]).abs().amax(-1) > SLACK).numpy()
    chosen = linear_sum_assignment(far.astype(np.int64))
    return not far[chosen].any()
