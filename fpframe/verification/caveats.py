"""What the reader of a verdict should know of how the suspect answers: each detector returns a `Note` or ``None``."""

from __future__ import annotations

from fpframe.base import Note
from fpframe.models import information, observe_channel
from fpframe.verification.probes import Probed
from fpframe.zoo import FilterChain

#: Of a service that answers no image twice.
REPEATS_REFUSED = Note(
    "repeats-refused",
    "The service refuses images that it was sent before, so nobody can see whether its answers change, or depend on "
    "other images.",
)
#: Of a service that answers no near copy of an image either.
NEAR_REFUSED = Note(
    "control-missing",
    "The service refuses images that differ by one level of brightness from those that it was sent before, so nobody "
    "can see whether one model answered throughout.",
)
#: Of a service whose answers change all the time.
CONTROL_BLURRED = Note(
    "control-missing",
    "The service's answers to one image change between repeats, so nobody can see whether one model answered "
    "throughout.",
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
            "calibration models that answer through the same filter, and with the same models without it; the larger "
            "p-value counts.",
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
        f"Suspect and calibration models were compared through {chain.text} because that filter was named, and without "
        "it too, since nobody checked that the suspect has it; the larger p-value counts.",
    )


def _filter_not_seen(probed: Probed, chain: FilterChain) -> Note | None:
    if probed.changing or all(component.deterministic for component in chain.filters):
        return None
    return Note(
        "filter-not-seen",
        f"The suspect's answers do not change between repeats, although {chain.text} would change them. It seems "
        "to have no such filter, so name none.",
    )


def _batch_dependent(probed: Probed) -> Note | None:
    if not probed.mixing:
        return None
    return Note(
        "batch-dependent",
        "The suspect answers slightly differently in a batch than alone, as with another precision. Ask one image at a "
        "time with --batch-size 1 to see whether that matters.",
    )
