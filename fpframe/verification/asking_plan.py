"""`planned_asks`: how many images a suspect is asked each time, in order, if nothing stops early."""

from __future__ import annotations

from fpframe.enrolment import Enrolment
from fpframe.verification.probes import ROUNDS, control_indices, probe_indices


def planned_asks(enrolment: Enrolment, *, service: bool, at_once: int) -> tuple[int, ...]:
    """Return how many images a suspect is asked each time; images of different times share no batch.

    Args:
        enrolment: what it is asked for.
        service: whether it is one, and is asked near copies of some images in the end.
        at_once: most images that are asked at once.
    """
    queries, able, probes = enrolment.queries, len(enrolment.able), len(probe_indices(enrolment.queries))
    sizes = [able, *[queries.images.shape[1]] * queries.views, probes, *[1] * probes * (ROUNDS - 1)]
    if service:
        sizes.append(len(control_indices(able)) or probes)
    return tuple(min(at_once, size - start) for size in sizes for start in range(0, size, at_once))
