"""`verify` and `verify_many`: question suspects and decide on each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Unpack, get_args

import attrs

from fpframe.base import Listener, ignore
from fpframe.decision import LEAST, StratumScores, Test, reaches, refuse_alpha, require_alpha
from fpframe.enrolment import Enrolment, units_of
from fpframe.errors import UsageError, nearest
from fpframe.isolation import Isolation, OpeningRequest, OwnProcess
from fpframe.models import Preparation
from fpframe.models.classes import Classes
from fpframe.opening import Opening, Suspect
from fpframe.registry import Registry, load_registry
from fpframe.verification.asking import Asking
from fpframe.verification.asking_plan import planned_asks
from fpframe.verification.class_telling import ClassTelling
from fpframe.verification.detection import AUTO, NONE
from fpframe.verification.judge_suspects import judge
from fpframe.verification.transcript import is_service, open_recorded
from fpframe.verification.unfinished import Unfinished, require_finished
from fpframe.verification.verdict import Verdict
from fpframe.verification.yardsticks import Yardsticks


class Options(Opening, total=False):
    """How suspects are opened and judged; `verify_many` explains each."""

    alpha: float | None
    channel: str
    through: str
    test: Test
    certify: bool
    classes: Classes
    match_classes: bool
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
    **options: Unpack[Options],
) -> list[Verdict]:
    """Question suspects and decide on each.

    Several suspects in one call share alpha by Holm's procedure: the chance that any independent one of them is called
    derived is at most alpha.

    Args:
        enrolment: an enrolment, or the folder of one.
        suspects: modules (pixels to logits), callables (pixels to probabilities), other objects that a suspect source
            takes, such as classifiers of scikit-learn, or addresses.
        answers: files of recorded answers, each of one more suspect; see `Transcript`.

    Options:
        backbone: address of the architecture, for suspects that are files of weights.
        outputs: how answers are read; ``auto`` looks at the first ones, and refuses those that may be several things.
        preparation: what happens to pixels before the suspect sees them, as a `Preparation` or its text, such as
            ``resize=224,bicubic,antialias; rgb``.
        mean: per-channel mean to subtract from them, where `preparation` says none.
        std: per-channel standard deviation to divide them by.
        device: torch device of the suspect.
        batch_size: images per call.
        max_queries: most images that one suspect may be sent.
        alpha: highest p-value at which a suspect is called derived, the enrolment's at most; ``None`` takes that.
        channel: what the suspects reveal; ``auto`` reads it from their first answers.
        through: answer filter that the suspects answer through, such as ``answer-noise(0.05)``, so that they are
            compared with calibration models behind the same one; ``auto`` looks for one where answers change between
            repeats, ``none`` does not.
        test: ``conformal`` counts calibration models; ``sequential`` does so after each view, and stops early;
            ``welch`` is a t-test over views, which accuses far too often, for comparison only.
        certify: call a suspect derived only where at most alpha of the independent models would be, with 95 %
            confidence in the calibration; more models are needed for that.
        classes: which classes the suspects tell: their names in a suspect's order, a mapping, or a file of either (see
            `fpframe.models.classes.ClassList.of`). A suspect with some of the victim's classes, or further ones, is
            compared on those that both tell. ``auto`` takes the victim's, or those that the suspect's own files name,
            and ``none`` the victim's in any case.
        match_classes: look for the order of the classes on the labelled images; calibration models are matched in the
            same way.
        registry: plugins; ``None`` takes the installed ones.
        trust_code: open also files whose author's code can run then, such as ``.pt2``.
        checkpoint_key: where in a file of weights those of the suspect lie, such as ``state_dict_ema``; needed only
            where several fit.
        read_output: which of several outputs of a file's network are its answers: the name, or the number counted from
            1; needed only where several may be.
        terms: how fast, and for how much money, suspects that are services may be asked.
        isolation: where suspects with an address are opened and asked; ``None`` gives each a process of its own, with
            the usual limits (`fpframe.isolation.Limits.usual`). It is closed in the end.
        on_event: is told of progress.

    Raises:
        UsageError: alpha is out of reach or higher than the enrolment's, or a suspect's address, channel or filter is
            unknown.
        ModelError: a suspect cannot be opened or does not fit.
        DataError: recorded answers cannot be read or belong to other queries.
        ResourceError: the queries do not fit into `max_queries`, and nothing was asked then; or a suspect died, took
            longer than it may, or could not be reached.
        IntegrityError: the enrolment was changed.
        UnfinishedError: one of several suspects failed while it was questioned; the error has the verdicts on the
            others.
    """
    return require_finished(verify_each(enrolment, suspects, answers=answers, **options))


def verify_each(
    enrolment: Enrolment | str | Path,
    suspects: Sequence[Suspect] = (),
    *,
    answers: Sequence[str | Path] = (),
    **options: Unpack[Options],
) -> list[Verdict | Unfinished]:
    """Do what `verify_many` does, and return what came of each suspect that failed in place of raising its error.

    A suspect that failed counts as one that is not called derived, so that the others share alpha with it.

    Raises:
        FpframeError: nothing was asked, for one of the reasons that `verify_many` names.
    """
    alpha, given = options.pop("alpha", None), options.pop("isolation", None)
    on_event = options.pop("on_event", ignore)
    registry = options.pop("registry", None) or (given.registry if given else load_registry())
    with given or OwnProcess(registry) as isolation:
        if any(isinstance(suspect, str | Path) for suspect in suspects):
            isolation.prepare()  # beside whatever is looked at before any is opened
        return _verify(enrolment, suspects, answers, options, alpha, registry, isolation, on_event)


def _verify(
    enrolment: Enrolment | str | Path,
    suspects: Sequence[Suspect],
    answers: Sequence[str | Path],
    options: Options,
    alpha: float | None,
    registry: Registry,
    isolation: Isolation,
    on_event: Listener,
) -> list[Verdict | Unfinished]:
    asking = _asking(options)
    opening: dict[str, Any] = dict(options)  # what is left
    opening["preparation"] = Preparation.of(
        opening.get("preparation"), mean=opening.pop("mean", None), std=opening.pop("std", None)
    )
    if not isinstance(enrolment, Enrolment):
        enrolment = Enrolment.open(enrolment, registry=registry)
    count = len(suspects) + len(answers)
    if not count:
        raise UsageError("no suspect was named; name at least one, or recorded answers")
    level = enrolment.recipe.alpha if alpha is None else alpha
    _refuse_unfit(enrolment, level, count, asking)
    asking.classes.refuse_unmatchable(enrolment)
    yardsticks = Yardsticks(enrolment, registry)
    if asking.through not in (AUTO, NONE):  # before any suspect is asked
        named = yardsticks.of(next(iter(enrolment.encoders)), asking.through).through
        asking = attrs.evolve(asking, through=named)
    request = OpeningRequest(
        num_classes=asking.classes.count or len(enrolment.classes),
        image_shape=enrolment.queries.image_shape,
        classes=asking.classes.asked(enrolment.classes),
        **opening,
    )
    settings: dict[str, Any] = {
        "backbone": request.backbone,
        "preparation": str(request.preparation) or None,
        "read_output": request.read_output,
        "device": request.device,
        "batch_size": request.batch_size,
        "max_queries": request.max_queries,
        "trust_code": request.trust_code,
        "channel": asking.channel,
        "through": asking.through,
        "match_classes": asking.classes.match,
    }
    planned, of_service = (
        planned_asks(enrolment, service=service, at_once=request.at_once) for service in (False, True)
    )
    request = attrs.evolve(request, terms=attrs.evolve(request.terms, planned=of_service))
    opened = [isolation.open(suspect, request, questions=enrolment.queries.digest) for suspect in suspects]
    opened += [open_recorded(path, enrolment, request) for path in answers]
    for query in opened:
        asking.classes.map_of(query, enrolment.classes)  # what cannot be is refused before any is asked
        query.require(sum(of_service if is_service(query) else planned))
    return judge(opened, yardsticks, asking, alpha=level, settings=settings, on_event=on_event)


def _asking(options: Options) -> Asking:
    """Take out of the options how suspects are asked, and refuse those that nothing takes."""
    unknown = sorted(set(options) - set(Options.__annotations__))
    if unknown:
        raise TypeError(f"unknown option '{unknown[0]}' of a verdict{nearest(unknown[0], Options.__annotations__)}")
    return Asking(
        channel=options.pop("channel", AUTO),
        through=options.pop("through", AUTO),
        test=options.pop("test", "conformal"),
        certify=options.pop("certify", False),
        classes=ClassTelling.of(options.pop("classes", AUTO), match=options.pop("match_classes", False)),
    )


def _refuse_unfit(enrolment: Enrolment, alpha: float, suspects: int, asking: Asking) -> None:
    """Refuse what no suspect could meet, and a level that nobody enrolled, before any is asked."""
    refuse_alpha(alpha)
    if not reaches(alpha, enrolment.recipe.alpha):
        raise UsageError(
            f"alpha {alpha:g} is higher than the {enrolment.recipe.alpha:g} of the enrolment, and is not raised when "
            "the suspect is known; leave out --alpha, or enroll with a higher one"
        )
    if asking.channel != AUTO:
        enrolment.encoder_for(asking.channel)
    if asking.test not in get_args(Test):
        raise UsageError(f"unknown test '{asking.test}'{nearest(asking.test, get_args(Test))}")
    if asking.test != "conformal" and _is_of_few(units_of(enrolment.calibration.models), enrolment.recipe.alpha):
        raise UsageError(
            f"the enrolment has fewer models than its level needs, so no test but the usual one can be used; leave out "
            f"the test '{asking.test}', or calibrate on more models"
        )
    if asking.test.startswith("welch"):
        if asking.certify:
            raise UsageError("a t-test over views certifies nothing; leave out --certify or --test welch")
        return
    units = units_of(enrolment.calibration.models)
    enough = len(enrolment.calibration.models) >= LEAST  # to say how far they are apart
    if enough and not asking.certify and asking.test == "conformal" and _is_of_few(units, enrolment.recipe.alpha):
        return  # who stands out from all of them is told that they are too few
    require_alpha(alpha, units, suspects=suspects, certify=asking.certify)


def _is_of_few(units: Mapping[str, StratumScores], alpha: float) -> bool:
    """Tell whether an enrolment has fewer models than the level needs at which it was made."""
    return any(not reaches(stratum.floor, alpha) for stratum in units.values())
