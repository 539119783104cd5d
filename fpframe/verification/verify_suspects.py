"""`verify` and `verify_many`: question suspects and decide on each."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypedDict, Unpack, get_args

from fpframe.base import Listener, ignore
from fpframe.decision import Test, require_alpha
from fpframe.enrolment import Enrolment
from fpframe.errors import UsageError, nearest
from fpframe.isolation import InProcess, Isolation, OpeningRequest
from fpframe.models import Outputs
from fpframe.opening import Suspect
from fpframe.registry import Registry, load_registry
from fpframe.verification.detection import AUTO, NONE
from fpframe.verification.judge_suspects import judge
from fpframe.verification.probes import probe_queries
from fpframe.verification.question_suspect import Asking
from fpframe.verification.transcript import open_recorded
from fpframe.verification.verdict import Verdict
from fpframe.verification.yardsticks import Yardsticks


class Options(TypedDict, total=False):
    """How suspects are opened and judged; `verify_many` explains each."""

    backbone: str | None
    outputs: Outputs
    mean: tuple[float, ...] | None
    std: tuple[float, ...] | None
    device: str
    batch_size: int
    max_queries: int | None
    alpha: float | None
    channel: str
    through: str
    test: Test
    certify: bool
    registry: Registry | None
    isolation: Isolation | None
    on_event: Listener


def verify(enrolment: Enrolment | str | Path, suspect: Suspect, **options: Unpack[Options]) -> Verdict:
    """Question one suspect; see `verify_many` for the options."""
    return verify_many(enrolment, [suspect], **options)[0]


def verify_many(
    enrolment: Enrolment | str | Path,
    suspects: Sequence[Suspect] = (),
    *,
    answers: Sequence[str | Path] = (),
    backbone: str | None = None,
    outputs: Outputs = "auto",
    mean: tuple[float, ...] | None = None,
    std: tuple[float, ...] | None = None,
    device: str = "cpu",
    batch_size: int = 256,
    max_queries: int | None = None,
    alpha: float | None = None,
    channel: str = AUTO,
    through: str = AUTO,
    test: Test = "conformal",
    certify: bool = False,
    registry: Registry | None = None,
    isolation: Isolation | None = None,
    on_event: Listener = ignore,
) -> list[Verdict]:
    """Question suspects and decide on each.

    Several suspects in one call share alpha by Holm's procedure: the chance that any independent one of them is called
    derived is at most alpha.

    Args:
        enrolment: an enrolment, or the folder of one.
        suspects: modules (pixels to logits), callables (pixels to probabilities), or addresses.
        answers: files of recorded answers, each of one more suspect; see `Transcript`.
        backbone: address of the architecture, for suspects that are files of weights.
        outputs: how answers are read; ``auto`` tells logits, probabilities and labels apart.
        mean: per-channel mean to subtract from pixels before the suspect sees them.
        std: per-channel standard deviation to divide them by.
        device: torch device of the suspect.
        batch_size: images per call.
        max_queries: most images that one suspect may be asked.
        alpha: highest p-value at which a suspect is called derived; ``None`` takes the enrolment's.
        channel: what the suspects reveal; ``auto`` reads it from their first answers.
        through: answer filter that the suspects answer through, such as ``answer-noise(0.05)``, so that they are
            compared with calibration models behind the same one; ``auto`` looks for one where answers change between
            repeats, ``none`` does not.
        test: ``conformal`` counts calibration models; ``sequential`` does so after each view, and stops early;
            ``welch`` is a t-test over views, which accuses far too often, for comparison only.
        certify: call a suspect derived only where at most alpha of the independent models would be, with 95 %
            confidence in the calibration; more models are needed for that.
        registry: plugins; ``None`` takes the installed ones.
        isolation: where suspects with an address are opened and asked; ``None`` does it in this process. It is closed
            in the end.
        on_event: is told of progress.

    Raises:
        UsageError: alpha is out of reach, or a suspect's address, channel or filter is unknown.
        ModelError: a suspect cannot be opened or does not fit.
        DataError: recorded answers cannot be read or belong to other queries.
        ResourceError: the queries do not fit into `max_queries`, and nothing was asked then; or a suspect died or took
            longer than it may.
        IntegrityError: the enrolment was changed.
    """
    registry = registry or (isolation.registry if isolation else load_registry())
    if not isinstance(enrolment, Enrolment):
        enrolment = Enrolment.open(enrolment, registry=registry)
    count = len(suspects) + len(answers)
    if not count:
        raise UsageError("no suspect was named; name at least one, or recorded answers")
    level = enrolment.recipe.alpha if alpha is None else alpha
    _refuse_unfit(enrolment, level, count, channel=channel, test=test, certify=certify)
    yardsticks = Yardsticks(enrolment, registry)
    if through not in (AUTO, NONE):  # before any suspect is asked
        through = yardsticks.of(next(iter(enrolment.encoders)), through).through
    request = OpeningRequest(
        num_classes=len(enrolment.classes),
        image_shape=enrolment.queries.image_shape,
        backbone=backbone,
        outputs=outputs,
        mean=mean,
        std=std,
        device=device,
        batch_size=batch_size,
        max_queries=max_queries,
    )
    asking = Asking(channel=channel, through=through, test=test, certify=certify)
    settings: dict[str, Any] = {
        "backbone": backbone,
        "mean": list(mean) if mean is not None else None,
        "std": list(std) if std is not None else None,
        "device": device,
        "batch_size": batch_size,
        "max_queries": max_queries,
        "channel": channel,
        "through": through,
    }
    with isolation or InProcess(registry) as apart:
        opened = [apart.open(suspect, request) for suspect in suspects]
        opened += [open_recorded(path, enrolment.queries, request.num_classes, outputs=outputs) for path in answers]
        for query in opened:
            query.require(probe_queries(enrolment.queries) + enrolment.queries.queries)
        return judge(opened, yardsticks, asking, alpha=level, settings=settings, on_event=on_event)


def _refuse_unfit(
    enrolment: Enrolment, alpha: float, suspects: int, *, channel: str, test: Test, certify: bool
) -> None:
    """Refuse what no suspect could meet, before any is asked."""
    if channel != AUTO:
        enrolment.encoder_for(channel)
    if test not in get_args(Test):
        raise UsageError(f"unknown test '{test}'{nearest(test, get_args(Test))}")
    if test.startswith("welch"):
        if certify:
            raise UsageError("a t-test over views certifies nothing; leave out --certify or --test welch")
        if not 0 < alpha < 1:
            raise UsageError(f"alpha must lie in (0, 1) (got {alpha})")
        return
    for name in enrolment.encoders:
        require_alpha(alpha, enrolment.strata(name), suspects=suspects, certify=certify)
