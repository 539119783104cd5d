"""`verify` and `verify_many`: question suspects and decide on each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypedDict, Unpack, get_args

import attrs

from fpframe.base import Event, Listener, ignore
from fpframe.decision import Decision, holm_thresholds, require_alpha
from fpframe.enrolment import Enrolment
from fpframe.errors import UsageError, nearest
from fpframe.models import Outputs
from fpframe.opening import Suspect, open_suspect
from fpframe.registry import Registry, load_registry
from fpframe.verification.behaviour import AUTO, NONE
from fpframe.verification.probes import probe_queries
from fpframe.verification.question_suspect import Asking, Questioned, question
from fpframe.verification.transcript import open_recorded
from fpframe.verification.verdict import Verdict
from fpframe.verification.yardstick import Test, Yardstick


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
        on_event: is told of progress.

    Raises:
        UsageError: alpha is out of reach, or a suspect's address, channel or filter is unknown.
        ModelError: a suspect cannot be opened or does not fit.
        DataError: recorded answers cannot be read or belong to other questions.
        ResourceError: the queries do not fit into `max_queries`; nothing was asked then.
        IntegrityError: the enrolment was changed.
    """
    registry = registry or load_registry()
    if not isinstance(enrolment, Enrolment):
        enrolment = Enrolment.open(enrolment, registry=registry)
    count = len(suspects) + len(answers)
    if not count:
        raise UsageError("no suspect was named; name at least one, or recorded answers")
    level = enrolment.recipe.alpha if alpha is None else alpha
    _refuse_unfit(enrolment, level, count, channel=channel, test=test, certify=certify)
    if through not in (AUTO, NONE):  # before any suspect is asked
        through = Yardstick.of(enrolment, next(iter(enrolment.encoders)), through, registry=registry).through
    classes = len(enrolment.classes)
    opened = [
        open_suspect(
            suspect,
            registry=registry,
            num_classes=classes,
            image_shape=enrolment.queries.image_shape,
            backbone=backbone,
            outputs=outputs,
            mean=mean,
            std=std,
            device=device,
            batch_size=batch_size,
            max_queries=max_queries,
        )
        for suspect in suspects
    ]
    opened += [open_recorded(path, enrolment.queries, classes, outputs=outputs) for path in answers]
    for query in opened:
        query.require(probe_queries(enrolment.queries) + enrolment.queries.queries)
    asking = Asking(channel=channel, through=through, test=test, certify=certify, alpha=level / count)
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
    questioned = []
    for number, query in enumerate(opened):
        on_event(Event(task="verifying", done=number, total=len(opened)))
        questioned.append(question(query, enrolment, asking, registry=registry, on_event=on_event))
    on_event(Event(task="verifying", done=len(opened), total=len(opened)))
    digest = enrolment.digest
    return [
        _verdict(enrolment, each, decision, digest, settings)
        for each, decision in zip(questioned, _decide(questioned, asking, level), strict=True)
    ]


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


def _decide(questioned: Sequence[Questioned], asking: Asking, alpha: float) -> list[Decision]:
    """Return the decisions, at the levels of Holm's procedure where there are several."""

    def at(each: Questioned, level: float) -> Decision:
        return each.yardstick.decide(
            each.view_scores, alpha=level, test=asking.test, certify=asking.certify, behaviour=each.behaviour
        )

    first = [at(each, asking.alpha) for each in questioned]
    levels = holm_thresholds([_evidence(decision) for decision in first], alpha)
    return [
        _at_level(each, decision, level, at) for each, decision, level in zip(questioned, first, levels, strict=True)
    ]


def _at_level(
    each: Questioned, decision: Decision, level: float, at: Callable[[Questioned, float], Decision]
) -> Decision:
    """Return the decision at the level that Holm's procedure gives, which is no lower than that of the asking."""
    if decision.stopped == "derived":  # at a stricter level, by all that it was asked
        return attrs.evolve(decision, alpha=level)
    again = at(each, level)
    # what would have been an earlier stop at this level was none
    return attrs.evolve(again, stopped="") if again.views < each.views else again


def _evidence(decision: Decision) -> float:
    """Return what is held against a level: the largest p-value, or the largest bound where it is certified."""
    if not decision.certify:
        return decision.p_value
    return max(result.bound for result in decision.strata.values())


def _verdict(
    enrolment: Enrolment, each: Questioned, decision: Decision, digest: str, settings: dict[str, Any]
) -> Verdict:
    return Verdict(
        decision=decision,
        channel=each.yardstick.channel,
        through=each.yardstick.through,
        view_scores=each.view_scores,
        queries=len(each.transcript.answers),
        saved=(enrolment.queries.views - each.views) * enrolment.queries.images.shape[1] if decision.stopped else 0,
        suspect={"address": each.query.address, "digest": each.query.digest},
        scheme=enrolment.scheme,
        enrolment=digest,
        settings={"outputs": each.query.outputs, **settings},
        caveats=(*enrolment.caveats, *each.caveats),
        transcript=each.transcript,
    )
