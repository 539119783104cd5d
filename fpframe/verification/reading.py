"""Read from a suspect's first answers how it answers: its channel, its filter, and what in it prevents a verdict."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
from torch import Tensor

from fpframe.channel import PROBS, observe_channel
from fpframe.errors import PluginError, ResourceError
from fpframe.interfaces import AnswerFilter, Probe
from fpframe.query import Query
from fpframe.registry import Registry
from fpframe.verification.probing import Probed
from fpframe.verification.recording import NotRecordedError
from fpframe.zoo.filters import FilterChain
from fpframe.zoo.lineage import make_step

#: The value of options that are to be read from the suspect's answers.
AUTO = "auto"
#: The value of the option for a filter that says that there is none.
NONE = "none"
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
        except (NotRecordedError, ResourceError, PluginError):
            # what would tell was not recorded, or is not left of the budget; or two filters share the name
            continue
        if found is not None:
            params = {field.name: getattr(found, field.name) for field in attrs.fields(type(found))}
            return make_step(registry, name, **params).text(exact=False)
    return ""


def behaviour_of(views: Sequence[Tensor]) -> str:
    """Return what in the answers ``(Q, K)`` to the views prevents a verdict; empty when nothing does."""
    if not views:
        return "the suspect was asked nothing"
    total = sum(len(view) for view in views)
    broken = sum(int((~view.isfinite().all(-1)).sum()) for view in views)
    if broken:
        return f"the suspect gave {broken} of {total} answers that are not finite numbers, which is its own behaviour"
    first = views[0][0]
    if all(bool((view == first).all()) for view in views):
        return f"the suspect gave the same answer to all {total} queries, which is its own behaviour"
    return ""


def uncalibrated(through: str) -> str:
    """Return why there can be no verdict on a suspect behind a filter that changes images."""
    return (
        f"the suspect answers through {through}, as its changing answers show, which is its own behaviour, and the "
        f"calibration models were not asked through it; add that with 'fpframe calibrate ENROLMENT --through "
        f'"{through}"\', or judge the suspect as if it had none with --through none'
    )


def answer_caveats(probed: Probed, chain: FilterChain | None, *, declared: bool) -> list[str]:
    """Return what the reader of a verdict should know of how the suspect answers.

    Args:
        probed: what it answered when it was asked again.
        chain: the filters that it and the calibration models were compared through.
        declared: whether somebody named them, or that there are none.
    """
    caveats = []
    if chain is not None and declared:
        caveats.append(
            f"Suspect and calibration models were compared through {chain.text}, as was said of the suspect."
        )
        if not probed.changing and any(not component.deterministic for component in chain.filters):
            caveats.append(
                f"The suspect's answers did not change between repeats, as {chain.text} would change them: where it "
                "has no such filter, the calibration models were made worse than it is, and the p-value is too small."
            )
    elif chain is not None:
        caveats.append(
            f"The suspect's answers change between repeats as {chain.text} changes them; it was compared with "
            "calibration models that answer through the same."
        )
    elif probed.changing:
        caveats.append(
            "The suspect's answers to one image change between repeats; it was compared with calibration models that "
            "do not. Where you know what it does, name it with --through."
        )
    if probed.mixing:
        caveats.append(
            "The suspect answers an image otherwise in a batch than alone, as a network in training mode does; "
            "--batch-size 1 asks one by one."
        )
    return caveats
