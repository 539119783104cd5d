"""Read from a suspect's first answers how it answers: its channel, its filter, and what in it prevents a verdict."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
from torch import Tensor

from fpframe.channel import PROBS, observe_channel
from fpframe.errors import PluginError
from fpframe.interfaces import AnswerFilter, Probe
from fpframe.query import Query
from fpframe.registry import Registry
from fpframe.verification.probing import Probed
from fpframe.verification.recording import NotRecordedError
from fpframe.zoo.lineage import make_step

#: The value of options that are to be read from the suspect's answers.
AUTO = "auto"
#: Said of a suspect that answers the images of a batch in another order.
REORDERED = (
    "the suspect answered the images of a batch in another order than they were asked, which is its own behaviour; ask "
    "them one by one with --batch-size 1"
)


def read_channel(query: Query, rows: Tensor, wanted: str) -> str:
    """Return the channel of a suspect: the one that was named, that is known, or that its answers ``(N, K)`` show.

    Answers that show more later are cut down to this channel, as those of the calibration models are.
    """
    if wanted != AUTO:
        return wanted
    observed = observe_channel(rows)
    known = query.channel
    return observed if known in (None, PROBS) else str(known)


def detect_filter(probe: Probe, registry: Registry) -> str:
    """Return the answer filter that explains changing answers, as a text; empty where none does."""
    for name in registry.names(AnswerFilter.kind):
        try:
            found = registry.get(AnswerFilter.kind, name).detect(probe)
        except (NotRecordedError, PluginError):  # an answer that would tell was not recorded, or two share the name
            continue
        if found is not None:
            params = {field.name: getattr(found, field.name) for field in attrs.fields(type(found))}
            return make_step(registry, name, **params).text(exact=False)
    return ""


def behaviour_of(views: Sequence[Tensor]) -> str:
    """Return what in the answers ``(Q, K)`` to the views prevents a verdict; empty when nothing does."""
    total = sum(len(view) for view in views)
    broken = sum(int((~view.isfinite().all(-1)).sum()) for view in views)
    if broken:
        return f"the suspect gave {broken} of {total} answers that are not finite numbers, which is its own behaviour"
    first = views[0][0]
    if all(bool((view == first).all()) for view in views):
        return f"the suspect gave the same answer to all {total} queries, which is its own behaviour"
    return ""


def repeat_caveats(probed: Probed, through: str) -> list[str]:
    """Return what the reader of a verdict should know of a suspect that answers one image in several ways."""
    if probed.changing and not through:
        return [
            "The suspect's answers to one image change between repeats; it was compared with calibration models that "
            "do not. Where you know what it does, name it with --through."
        ]
    if probed.mixing:
        return [
            "The suspect answers an image otherwise in a batch than alone, as a network in training mode does; "
            "--batch-size 1 asks one by one."
        ]
    return []
