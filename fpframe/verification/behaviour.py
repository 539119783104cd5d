"""Read from a suspect's first answers how it answers: its channel, its filter, and what in it prevents a verdict."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from fpframe.errors import FpframeError, PluginError, ResourceError
from fpframe.interfaces import AnswerFilter, Probe
from fpframe.models import PROBS, Query, QuerySet, information, observe_channel
from fpframe.registry import Registry
from fpframe.verification.interview import Interview
from fpframe.verification.probes import Probed, misplaced, moved_share, probe_for_filters, unmoved
from fpframe.verification.transcript import NotRecordedError
from fpframe.zoo import FilterChain, make_step

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


def look_for_filter(probed: Probed, interview: Interview, queries: QuerySet, registry: Registry) -> str:
    """Return the answer filter that explains changing answers, as a text; empty where none does or none change.

    It may ask the suspect further images.
    """
    if not (probed.changing and bool(probed.answers.isfinite().all())):
        return ""
    probe = probe_for_filters(probed, interview, queries)
    for name in registry.names(AnswerFilter.kind):
        try:
            found = _detect(registry.create(AnswerFilter.kind, name), probe)
        except (NotRecordedError, ResourceError, PluginError):
            # what would tell was not recorded, or is not left of the budget; or two filters share the name
            continue
        if found is not None:
            return make_step(registry, name, **found.params()).text(exact=False)
    return ""


def _detect(component: AnswerFilter, probe: Probe) -> AnswerFilter | None:
    try:
        return component.detect(probe)
    except FpframeError:
        raise
    except Exception as error:  # a stranger's code, after queries were spent
        raise PluginError(f"'{component.name}' failed to look at the answers: {error}") from error


def broken(answers: Sequence[Tensor]) -> str:
    """Return what to say of answers ``(N, K)`` that are no finite numbers; empty where all are."""
    total = sum(len(rows) for rows in answers)
    bad = sum(int((~rows.isfinite().all(-1)).sum()) for rows in answers)
    if not bad:
        return ""
    return f"the suspect gave {bad} of {total} answers that are not finite numbers, which is its own behaviour"


def constant(answers: Sequence[Tensor]) -> str:
    """Return what to say of answers ``(N, K)`` that are all the same; empty where they are not."""
    if not answers or not all(bool((rows == answers[0][0]).all()) for rows in answers):
        return ""
    total = sum(len(rows) for rows in answers)
    return f"the suspect gave the same answer to all {total} queries, which is its own behaviour"


def turned(probed: Probed, first_view: Tensor) -> str:
    """Return what to say of a suspect that answers the views otherwise than the probes before; empty for all others.

    One that changes between repeats, or answers otherwise in a batch, is known to do so already.
    """
    if misplaced(probed, first_view):
        return REORDERED
    before, now = observe_channel(probed.answers.flatten(0, 1)), observe_channel(first_view)
    if information(now) < information(before):
        return f"the suspect revealed {before} when it was asked first and {now} then, which is its own behaviour"
    excused = probed.changing or probed.mixing
    if not excused and moved_share(first_view[probed.positions], probed.answers[1]) > 0.25:
        return "the suspect answers images otherwise than when it was asked them first, which is its own behaviour"
    return ""


def settled(probed: Probed, first_view: Tensor, last: Tensor) -> str:
    """Return what to say of a suspect that was taken to answer through a filter, but stopped to; empty for all others.

    Args:
        probed: what it answered first.
        first_view: answers ``(Q, K)`` to the first view.
        last: answers ``(P, K)`` to the probes after the views.
    """
    if unmoved(first_view[probed.positions], last):
        return (
            "the suspect's answers changed between repeats when it was asked first and no longer did, which is its own "
            "behaviour"
        )
    return ""


def uncalibrated(through: str) -> str:
    """Return why there can be no verdict on a suspect behind a filter that changes images."""
    return (
        f"the suspect answers through {through}, as its changing answers show, which is its own behaviour, and the "
        f"calibration models were not asked through it; add that with 'fpframe calibrate ENROLMENT --through "
        f'"{through}" --out NEW\' and ask again, or ask it as if it had none with --through none'
    )


def answer_caveats(
    probed: Probed, chain: FilterChain | None, *, declared: bool, drifting: bool, channel: str
) -> list[str]:
    """Return what the reader of a verdict should know of how the suspect answers.

    Args:
        probed: what it answered when it was asked again.
        chain: the filters that it and the calibration models were compared through.
        declared: whether somebody named them, or that there are none.
        drifting: whether the probes were answered otherwise after the views.
        channel: what it is taken to reveal.
    """
    caveats = []
    observed = observe_channel(probed.answers.flatten(0, 1))
    if information(observed) < information(channel):
        caveats.append(
            f"The suspect reveals {observed}, which is less than {channel}: it was compared with models that reveal "
            "more, and a theft is hardly found so. Leave --channel out."
        )
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
    elif probed.changing or drifting:
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
