"""What in a suspect's answers prevents a verdict: each detector returns the `Note` that says so, or ``None``."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite

from torch import Tensor

from fpframe.base import Note
from fpframe.decision import Gap, StratumResult
from fpframe.models import information, observe_channel
from fpframe.verification.probes import Probed, misplaced, moved_share


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


def entangled(probed: Probed) -> Note | None:
    """Look for a suspect whose answer to an image depends on the images beside it, or on its place among them.

    Another precision or size of batch may move a single label, so one answer is not enough.
    """
    moved = moved_share(probed.answers[0], probed.answers[1]) * len(probed.positions)
    if not probed.mixing or moved < 2:
        return None
    return Note(
        "batch-decides",
        "The suspect answers an image differently in a batch than alone, as a network in training mode does, so its "
        "answers are not of the image only. Put it into evaluation mode, or ask one image at a time with "
        "--batch-size 1.",
    )


def silenced(channel: str, first_view: Tensor, *, named: bool) -> Note | None:
    """Look for a suspect that reveals less in the first view ``(Q, K)`` than it did before.

    Args:
        channel: what it revealed.
        first_view: what it answers now.
        named: whether somebody named the channel, so that it was not read from answers.
    """
    now = observe_channel(first_view)
    if named or information(now) >= information(channel):
        return None
    return Note(
        "reveals-less",
        f"The suspect revealed {channel} at first and only {now} once the views began. It can be judged only where it "
        "answers the same way throughout.",
    )


def turned(probed: Probed, first_view: Tensor) -> Note | None:
    """Look for a suspect that answers images of the first view ``(Q, K)`` differently when they are asked again.

    One that changes between repeats, or answers differently in a batch, is known to do so already.
    """
    if misplaced(probed, first_view):
        return _reordered()
    excused = probed.changing or probed.mixing
    if not excused and moved_share(first_view[probed.positions], probed.answers[1]) > 0.25:
        return Note(
            "answers-changed",
            "The suspect answered the same images differently when they were asked again. It can be judged only where "
            "it answers the same way throughout.",
        )
    return None


def replaced(first: Tensor, last: Tensor, *, unrepeated: bool) -> Note | None:
    """Look for a service that answers near copies of the first images otherwise in the end.

    Args:
        first: what it answered to these images, ``(P, K)``.
        last: what it answered to their near copies.
        unrepeated: whether it refuses repeats, so that nobody knows whether its answers change all the time.
    """
    if moved_share(first, last) <= 0.25:
        return None
    also = ", or its answers changed all the time" if unrepeated else ""
    return Note(
        "answers-changed",
        "In the end the service answered images that differ from the first ones by one level of brightness as if "
        f"another model had taken the place of the first{also}. It can be judged only where it answers the same way "
        "throughout.",
    )


def stopped(error: Exception, images: int) -> Note:
    """Say that the suspect failed after it had answered a number of images."""
    return Note("stopped-answering", f"The suspect stopped answering after {images} images ({error}). Ask it again.")


def kind_changed(error: Exception, images: int) -> Note:
    """Say that the suspect answers in another kind after a number of images."""
    return Note(
        "answers-changed-kind",
        f"After {images} images the suspect's answers were of another kind than before ({error}).",
    )


def uncalibrated(through: str) -> Note:
    """Say that the suspect answers through a filter that changes images and was not calibrated."""
    return Note(
        "filter-not-calibrated",
        f"The suspect's answers change between repeats as {through} changes them, and the calibration models were not "
        f"asked through it. Add that with 'fpframe calibrate ENROLMENT --through \"{through}\" --out NEW' and ask "
        "again, or judge the suspect as if it had no filter with --through none.",
    )


def less_able_calibration(stratum: str, result: StratumResult, *, accuracy: float | None) -> Note:
    """Say that too few calibration models are as able as the suspect for it to stand out from them.

    Args:
        stratum: their stratum.
        result: what it would say of a suspect above all of them.
        accuracy: the suspect's, on the images that ability is measured on.
    """
    return Note(
        "calibration-less-able",
        f"{result.less_able} of {result.n} calibration models of kind '{stratum}' are clearly less able than the "
        f"suspect (accuracy {accuracy or 0:.2f}), so it may stand out from them by ability alone. Enroll with models "
        "that are trained longer or on more images, or with more of them.",
    )


def less_able_suspect(accuracy: float | None, lowest: float) -> Note:
    """Say that every calibration model is clearly abler than the suspect, so that none is like it.

    Args:
        accuracy: the suspect's, on the images that ability is measured on.
        lowest: the lowest one of the calibration models.
    """
    return Note(
        "suspect-less-able",
        f"The suspect is clearly less able (accuracy {accuracy or 0:.2f}) than every calibration model (at least "
        f"{lowest:.2f}), so they do not show how high a model like it scores by chance. Check how it is loaded "
        "and asked.",
    )


def too_weak_suspect(accuracy: float | None, victim: float) -> Note:
    """Say that the suspect is so much less able than the victim that no model like it may calibrate.

    Args:
        accuracy: the suspect's, on the images that ability is measured on.
        victim: the victim's.
    """
    return Note(
        "suspect-less-able",
        f"The suspect is so much less able (accuracy {accuracy or 0:.2f}) than the victim ({victim:.2f}) that "
        "independent models like it do not calibrate, and nobody knows how high they score. Check how it is loaded and "
        "asked.",
    )


def too_few_models(gap: Gap, *, floor: float) -> Note:
    """Say that the suspect scores above all calibration models, and that these are too few for a verdict.

    Args:
        gap: how far it is above them.
        floor: the smallest p-value that they allow.
    """
    far = (
        f"{gap.deviations:.1f} standard deviations above their mean"
        if isfinite(gap.deviations)
        else "which score alike"
    )
    return Note(
        "too-few",
        f"The suspect scores higher than all {gap.models} calibration models, {far}. But so few models allow no "
        f"p-value below {floor:.2g}, so nobody can be called derived by counting them. If the scores of such models "
        f"were normally distributed, which so few cannot show, a further one would score as high with a chance of "
        f"{gap.tail:.1g}. Calibrate on more models.",
    )


def _reordered() -> Note:
    return Note(
        "batch-reordered",
        "The suspect returned the answers to a batch in a different order from its images. Ask one image at a time "
        "with --batch-size 1.",
    )
