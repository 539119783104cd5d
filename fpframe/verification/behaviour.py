"""Read from a suspect's first answers how it answers: its channel, its filter, and what in it prevents a verdict."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from fpframe.base import Note
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


def broken(answers: Sequence[Tensor]) -> Note | None:
    """Look for answers ``(N, K)`` that are not finite numbers."""
    total = sum(len(rows) for rows in answers)
    bad = sum(int((~rows.isfinite().all(-1)).sum()) for rows in answers)
    if not bad:
        return None
    return Note(
        "answers-not-finite",
        f"The suspect gave {bad} of {total} answers that are not finite numbers, so it cannot be scored. Check how it "
        "is loaded and asked.",
    )


def constant(answers: Sequence[Tensor]) -> Note | None:
    """Look for a suspect whose answers ``(N, K)`` are all the same."""
    if not answers or not all(bool((rows == answers[0][0]).all()) for rows in answers):
        return None
    total = sum(len(rows) for rows in answers)
    return Note(
        "answers-constant",
        f"The suspect gave the same answer to all {total} queries, so there is nothing to compare. Check how it is "
        "loaded and asked.",
    )


def swapped(probed: Probed) -> Note | None:
    """Look for probes that were answered in another order than they were asked."""
    return _reordered() if probed.swapped else None


def turned(probed: Probed, first_view: Tensor) -> Note | None:
    """Look for a suspect that answers the first view ``(Q, K)`` differently from the probes before it.

    One that changes between repeats, or answers differently in a batch, is known to do so already.
    """
    if misplaced(probed, first_view):
        return _reordered()
    before, now = observe_channel(probed.answers.flatten(0, 1)), observe_channel(first_view)
    if information(now) < information(before):
        return Note(
            "reveals-less",
            f"The suspect revealed {before} at first and only {now} once the views began. It can be judged only where "
            "it answers the same way throughout.",
        )
    excused = probed.changing or probed.mixing
    if not excused and moved_share(first_view[probed.positions], probed.answers[1]) > 0.25:
        return Note(
            "answers-changed",
            "The suspect answered the same images differently once the views began. It can be judged only where it "
            "answers the same way throughout.",
        )
    return None


def settled(probed: Probed, first_view: Tensor, last: Tensor) -> Note | None:
    """Look for a suspect that was taken to answer through a filter, and then stopped doing so.

    Args:
        probed: what it answered first.
        first_view: answers ``(Q, K)`` to the first view.
        last: answers ``(P, K)`` to the probes after the views.
    """
    if not unmoved(first_view[probed.positions], last):
        return None
    return Note(
        "noise-stopped",
        "The suspect's answers changed from one repeat to the next at first, and then stopped changing, so no single "
        "calibration fits them. Ask it again, or judge it as if it had no filter with --through none.",
    )


def stopped(error: Exception, views: int) -> Note:
    """Say that the suspect failed after a number of views."""
    return Note(
        "stopped-answering",
        f"The suspect stopped answering after {views} view{'s' if views > 1 else ''} ({error}). Ask it again.",
    )


def uncalibrated(through: str) -> Note:
    """Say that the suspect answers through a filter that changes images and was not calibrated."""
    return Note(
        "filter-not-calibrated",
        f"The suspect's answers change between repeats as {through} changes them, and the calibration models were not "
        f"asked through it. Add that with 'fpframe calibrate ENROLMENT --through \"{through}\" --out NEW' and ask "
        "again, or judge the suspect as if it had no filter with --through none.",
    )


def _reordered() -> Note:
    return Note(
        "batch-reordered",
        "The suspect returned the answers to a batch in a different order from its images. Ask one image at a time "
        "with --batch-size 1.",
    )


def answer_caveats(
    probed: Probed, chain: FilterChain | None, *, declared: bool, drifting: bool, channel: str
) -> list[Note]:
    """Return what the reader of a verdict should know of how the suspect answers.

    Args:
        probed: what it answered when it was asked again.
        chain: the filters that it and the calibration models were compared through.
        declared: whether somebody named them, or that there are none.
        drifting: whether the probes were answered otherwise after the views.
        channel: what it is taken to reveal.
    """
    looks = (
        _channel_below(probed, channel),
        *_filter_caveats(probed, chain, declared=declared, drifting=drifting),
        _batch_dependent(probed),
    )
    return [note for note in looks if note is not None]


def _channel_below(probed: Probed, channel: str) -> Note | None:
    observed = observe_channel(probed.answers.flatten(0, 1))
    if information(observed) >= information(channel):
        return None
    return Note(
        "channel-below-named",
        f"The suspect reveals {observed}, which is less than {channel}: it was compared with models that reveal more, "
        "and a theft is barely visible that way. Leave --channel out.",
    )


def _filter_caveats(
    probed: Probed, chain: FilterChain | None, *, declared: bool, drifting: bool
) -> tuple[Note | None, ...]:
    if chain is None:
        return (_varying() if probed.changing or drifting else None,)
    if declared:
        return _filter_named(chain), _filter_not_seen(probed, chain)
    return (
        Note(
            "filter-detected",
            f"The suspect's answers change between repeats as {chain.text} changes them, so it was compared with "
            "calibration models that answer through the same filter.",
        ),
    )


def _varying() -> Note:
    return Note(
        "answers-vary",
        "The suspect's answers to one image change between repeats, and those of the calibration models do not. If you "
        "know what it does to its answers, name it with --through.",
    )


def _filter_named(chain: FilterChain) -> Note:
    return Note(
        "filter-named",
        f"Suspect and calibration models were compared through {chain.text} because that filter was named; nobody "
        "checked that the suspect has it.",
    )


def _filter_not_seen(probed: Probed, chain: FilterChain) -> Note | None:
    if probed.changing or all(component.deterministic for component in chain.filters):
        return None
    return Note(
        "filter-not-seen",
        f"The suspect's answers do not change between repeats, although {chain.text} would change them. If it has no "
        "such filter, the calibration models were made worse than it is, and the p-value is too small.",
    )


def _batch_dependent(probed: Probed) -> Note | None:
    if not probed.mixing:
        return None
    return Note(
        "batch-dependent",
        "The suspect answers an image differently in a batch than alone, as a network in training mode does. Ask one "
        "image at a time with --batch-size 1.",
    )
