"""`verify`: question a suspect and say what was shown."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypedDict, Unpack

import attrs
import torch
from torch import Tensor

from fpframe.channel import PROBS, TOP1
from fpframe.decision import Decision, decide, holm_thresholds, require_alpha
from fpframe.decision.decide import INCONCLUSIVE
from fpframe.enrolment.record import Enrolment
from fpframe.errors import UsageError
from fpframe.events import Event, Listener, ignore
from fpframe.fingerprint import extract
from fpframe.loading import load_registry
from fpframe.query import Outputs, Query
from fpframe.registry import Registry
from fpframe.rng import threads
from fpframe.suspects import Suspect, open_suspect


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
    channel: str | None
    registry: Registry | None
    on_event: Listener


@attrs.frozen(kw_only=True)
class Verdict:
    """What was shown of one suspect.

    Attributes:
        decision: verdict, score, p-value, strata.
        channel: what the suspect reveals.
        view_scores: one score per view.
        queries: images that it was asked.
        suspect: its address and digest.
        scheme: the scheme it was questioned by.
        settings: how its answers were read.
        caveats: what the verdict rests on, in sentences.
    """

    decision: Decision
    channel: str
    view_scores: tuple[float, ...]
    queries: int
    suspect: dict[str, str]
    scheme: str
    settings: dict[str, Any]
    caveats: tuple[str, ...]

    @property
    def verdict(self) -> str:
        """``DERIVED``, ``NOT_SHOWN`` or ``INCONCLUSIVE``."""
        return self.decision.verdict

    @property
    def score(self) -> float:
        """Mean over the views of the cosine with the victim; NaN when there is none."""
        return self.decision.score

    @property
    def p_value(self) -> float:
        """The largest p-value over the strata; NaN when there is none."""
        return self.decision.p_value

    @property
    def sentence(self) -> str:
        """What was shown, in one sentence for the reader of a report."""
        if self.verdict == INCONCLUSIVE:
            return f"No verdict: {self.decision.reason}."
        # where strata tie, the one that the suspect stands out from least
        worst, result = max(self.decision.strata.items(), key=lambda item: (item[1].p, -item[1].margin))
        counted = f"among {result.n} independent models of kind '{worst}', {result.at_least} scored at least as high"
        if self.verdict == "DERIVED":
            return f"Shown to be derived at level {self.decision.alpha:g}: {counted} (p = {self.p_value:.3g})."
        return f"Not shown to be derived, which is not a proof of innocence: {counted} (p = {self.p_value:.3g})."

    def to_dict(self) -> dict[str, Any]:
        """Return the verdict as JSON-able data; NaN becomes ``None``."""
        plain = {
            "verdict": self.verdict,
            "sentence": self.sentence,
            "score": self.score,
            "interval": list(self.decision.interval),
            "p_value": self.p_value,
            "alpha": self.decision.alpha,
            "reason": self.decision.reason,
            "strata": {name: attrs.asdict(result) for name, result in self.decision.strata.items()},
            "channel": self.channel,
            "view_scores": list(self.view_scores),
            "queries": self.queries,
            "suspect": self.suspect,
            "scheme": self.scheme,
            "settings": self.settings,
            "caveats": list(self.caveats),
        }
        cleaned: dict[str, Any] = _finite(plain)
        return cleaned


def verify(enrolment: Enrolment | str | Path, suspect: Suspect, **options: Unpack[Options]) -> Verdict:
    """Question one suspect; see `verify_many` for the options."""
    return verify_many(enrolment, [suspect], **options)[0]


def verify_many(
    enrolment: Enrolment | str | Path,
    suspects: Sequence[Suspect],
    *,
    backbone: str | None = None,
    outputs: Outputs = "auto",
    mean: tuple[float, ...] | None = None,
    std: tuple[float, ...] | None = None,
    device: str = "cpu",
    batch_size: int = 256,
    max_queries: int | None = None,
    alpha: float | None = None,
    channel: str | None = None,
    registry: Registry | None = None,
    on_event: Listener = ignore,
) -> list[Verdict]:
    """Question suspects and decide on each.

    Several suspects in one call share alpha by Holm's procedure: the chance that any independent one of them is called
    derived is at most alpha.

    Args:
        enrolment: an enrolment, or the folder of one.
        suspects: modules (pixels to logits), callables (pixels to probabilities), or addresses.
        backbone: address of the architecture, for suspects that are files of weights.
        outputs: how answers are read; ``auto`` tells logits, probabilities and labels apart.
        mean: per-channel mean to subtract from pixels before the suspect sees them.
        std: per-channel standard deviation to divide them by.
        device: torch device of the suspect.
        batch_size: images per call.
        max_queries: most images that one suspect may be asked.
        alpha: highest p-value at which a suspect is called derived; ``None`` takes the enrolment's.
        channel: what the suspects reveal; ``None`` tells ``probs`` and ``top1`` apart by their answers.
        registry: plugins; ``None`` takes the installed ones.
        on_event: is told of progress.

    Raises:
        UsageError: alpha is out of reach, or a suspect's address or channel is unknown.
        ModelError: a suspect cannot be opened or does not fit.
        ResourceError: the queries do not fit into `max_queries`; nothing was asked then.
        IntegrityError: the enrolment was changed.
    """
    registry = registry or load_registry()
    if not isinstance(enrolment, Enrolment):
        enrolment = Enrolment.open(enrolment, registry=registry)
    if not suspects:
        raise UsageError("no suspect was named; name at least one")
    if channel is not None:
        enrolment.require_channel(channel)
    level = enrolment.recipe.alpha if alpha is None else alpha
    for strata in enrolment.calibration.values():
        require_alpha(level, strata, suspects=len(suspects))
    opened = [
        open_suspect(
            suspect,
            registry=registry,
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
        for suspect in suspects
    ]
    for query in opened:
        query.require(enrolment.queries.queries)
        if channel is None and query.channel is not None:
            enrolment.require_channel(query.channel)
    settings = {
        "backbone": backbone,
        "mean": list(mean) if mean is not None else None,
        "std": list(std) if std is not None else None,
        "device": device,
        "batch_size": batch_size,
        "max_queries": max_queries,
        "channel": channel,
    }
    asked = []
    for number, query in enumerate(opened):
        on_event(Event(task="verifying", done=number, total=len(opened)))
        asked.append(extract(query, enrolment.queries))
    on_event(Event(task="verifying", done=len(opened), total=len(opened)))
    verdicts = [
        judge(enrolment, answers, query, alpha=level, settings=settings, channel=channel)
        for query, answers in zip(opened, asked, strict=True)
    ]
    levels = holm_thresholds([verdict.p_value for verdict in verdicts], level)
    return [
        verdict if share == level else judge(enrolment, answers, query, alpha=share, settings=settings, channel=channel)
        for verdict, query, answers, share in zip(verdicts, opened, asked, levels, strict=True)
    ]


def judge(
    enrolment: Enrolment,
    answers: Tensor,
    query: Query,
    *,
    alpha: float,
    settings: dict[str, Any] | None = None,
    channel: str | None = None,
) -> Verdict:
    """Decide on answers ``(V, Q, K)`` that a suspect gave; without a `channel` it is read from the answers."""
    caveats = [*enrolment.caveats, *query.notes]
    if channel is None and (decimals := rounded_to(answers)):
        caveats.append(
            f"The answers are rounded to {decimals} decimals but were judged as full probabilities; enrol with a "
            f"recipe whose 'channels' lists rounded:{decimals}, and verify with --channel rounded:{decimals}."
        )
    behaviour = _misbehaviour(answers)
    if behaviour:  # there is nothing to score, so any channel will do
        channel = next(iter(enrolment.encoders))
    channel = channel or observed_channel(answers, query)
    enrolment.require_channel(channel)
    with threads(1):
        scores = () if behaviour else tuple(enrolment.view_scores(answers, channel).tolist())
    decision = decide(scores, enrolment.calibration[channel], alpha=alpha, behaviour=behaviour)
    return Verdict(
        decision=decision,
        channel=channel,
        view_scores=scores,
        queries=query.spent,
        suspect={"address": query.address, "digest": query.digest},
        scheme=enrolment.scheme,
        settings={"outputs": query.outputs, **(settings or {})},
        caveats=tuple(caveats),
    )


def observed_channel(answers: Tensor, query: Query) -> str:
    """Return the channel of answers; probabilities that are all zero or one reveal no more than labels."""
    if query.channel == TOP1:
        return TOP1
    one_hot = bool(((answers == 0) | (answers == 1)).all())
    return TOP1 if one_hot else PROBS


def rounded_to(answers: Tensor) -> int | None:
    """Return the number of decimals that answers are rounded to, where that is few; labels are not rounded answers."""
    if bool(((answers == 0) | (answers == 1)).all()):
        return None
    return next((d for d in (1, 2, 3) if torch.allclose(answers, answers.round(decimals=d), rtol=0, atol=1e-7)), None)


def _misbehaviour(answers: Tensor) -> str:
    """Return what in the answers prevents a verdict; empty when nothing does."""
    broken = int((~answers.isfinite().all(-1)).sum())
    total = answers.shape[0] * answers.shape[1]
    if broken:
        return f"the suspect gave {broken} of {total} answers that are not finite numbers, which is its own behaviour"
    rows = answers.flatten(0, 1)
    if bool((rows == rows[0]).all()):
        return f"the suspect gave the same answer to all {total} queries, which is its own behaviour"
    return ""


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value
