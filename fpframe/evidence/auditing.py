"""`audit`: derive an enrolment again, and say part by part how like it is to what was handed over."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Sequence
from pathlib import Path

import attrs
import torch

from fpframe.enrolment import (
    PLAIN,
    Enrolment,
    calibrate,
    calibrating,
    check_method,
    enroll,
    enrolment_addresses,
    label_agreement,
    label_rows,
    open_divided,
    origin_of,
)
from fpframe.evidence.case import Case
from fpframe.evidence.derivation import (
    Derivation,
    compare_calibration,
    compare_encoders,
    compare_questions,
)
from fpframe.evidence.seal import require_logged
from fpframe.models import Dataset, ask, to_pixels
from fpframe.opening import Victim, VictimPast, refuse_code
from fpframe.recipe import Run
from fpframe.rng import threads
from fpframe.store import Store
from fpframe.verification import verify_many
from fpframe.zoo import Zoo, ZooModel, build_models, plan_models

#: How many standard deviations of its stratum a model that is trained again on another machine may be off.
_SPREAD = 3.0
#: The deviation that a stratum is taken to have at least, of kappa and of accuracy.
_LEAST_SPREAD = 0.01


def audit(
    enrolment: Enrolment | str | Path,
    victim: object = None,
    dataset: Dataset | str | None = None,
    *,
    case: Case | None = None,
    models: int = 10,
    answers: Sequence[str | Path] = (),
    run: Run | None = None,
) -> list[Derivation]:
    """Derive an enrolment again, and compare it with what was handed over.

    With the victim everything is derived from the recipe: queries, perturbations, encoders, answers and scores. Without
    it only the calibration is. Models come from the store of the run, and are trained where it has none; of those that
    calibrate, some are trained again in any case.

    Args:
        enrolment: an enrolment, or the folder of one.
        victim: the owner's model, as `fpframe.enroll` takes it; ``None`` leaves out what follows from it.
        dataset: the data, or its address; ``None`` takes the enrolment's.
        case: the case that it should have been made under.
        models: how many calibration models are trained again, chosen at random.
        answers: recorded answers of suspects, which are judged by both enrolments.
        run: how the work is carried out.

    Raises:
        EvidenceError: the enrolment is not in the log of the case.
        UsageError: an address in the enrolment would import code of whoever sent it.
        DataError: the data cannot be used, or are not those of the enrolment.
    """
    run = run or Run()
    told = enrolment if isinstance(enrolment, Enrolment) else Enrolment.open(enrolment, registry=run.registry)
    rows = []
    if case is not None:
        require_logged(case, told)
        rows.append(Derivation(part="commitment", likeness="same bits", text="in the log of the case"))
    given = Victim.of(victim)
    if not run.trust_code:
        addresses = enrolment_addresses(told, recipe=True, dataset=dataset is None)
        named = () if given is None else (given.backbone, given.model if isinstance(given.model, str) else None)
        refuse_code(run.registry, addresses, whose="the enrolment", trusted=named)
    rows.append(_code(told, run))
    if given is None:
        found = calibrate(told, dataset=dataset, run=run)
        without = ("queries", "perturbations", "victim's answers", "encoders")
        rows += [Derivation(part=part, likeness="not derived", text="the victim is not here") for part in without]
    else:
        found = _enrolled_again(told, given, dataset, run)
        rows.append(Derivation.of_fact("victim", told.victim["digest"], found.victim["digest"]))
        rows += compare_questions(told, found)
        rows += compare_encoders(told, found)
    rows += compare_calibration(told, found)
    if models:
        rows.append(_trained_again(told, dataset, given, models, run))
    other_queries = any(row.part == "queries" and row.likeness == "differs" for row in rows)
    return [*rows, *(_verdicts(told, None if other_queries else found, path) for path in answers)]


def _enrolled_again(told: Enrolment, victim: Victim, dataset: Dataset | str | None, run: Run) -> Enrolment:
    committed = told.commitment
    recipe = told.recipe if committed is None else committed.recipe()
    accepted = () if told.fitness is None else [note.code for note in told.fitness.accepted]
    without = tuple(told.victim["absent"]) if committed is None else committed.terms.without
    return enroll(victim, dataset, recipe=recipe, without=without, accept_unfit=accepted, run=run)


def _code(told: Enrolment, run: Run) -> Derivation:
    """Return whether the code that derives is that which made the enrolment; if not, only numbers can be compared."""
    if told.origin is None:
        return Derivation(part="code", likeness="not derived", text="the enrolment does not say which made it")
    here = origin_of(told.recipe, check_method(told.recipe, run.registry, without=told.victim["absent"]), run.registry)
    if here == told.origin:
        return Derivation(part="code", likeness="same bits", text=f"fpframe {here.fpframe}, same source and packages")
    packages = {name for name in here.packages if here.packages[name] != told.origin.packages.get(name)}
    source = ["another source of fpframe"] if here.source != told.origin.source else []
    listed = ", ".join([*source, *(f"{name} {here.packages[name]}" for name in sorted(packages))]) or "other components"
    return Derivation(part="code", likeness="not derived", text=f"here is {listed}")


def _trained_again(
    told: Enrolment, dataset: Dataset | str | None, victim: Victim | None, count: int, run: Run
) -> Derivation:
    """Return how like some calibration models are that are trained again, in a store of their own."""
    part = "models trained again"
    absent = tuple(told.victim["absent"])
    plan = calibrating(plan_models(told.recipe, run.registry, splits=("calibrate",), without=absent))
    chosen = random.SystemRandom().sample(plan, min(count, len(plan)))
    past = VictimPast() if victim is None else victim.past
    with run.computing(), tempfile.TemporaryDirectory(prefix="fpframe-audit-") as temporary:
        ours = open_divided(told, told.recipe, dataset, past, run)
        theirs = attrs.evolve(ours, store=Store(Path(temporary)))
        before = build_models(chosen, ours, run)
        again = build_models(chosen, theirs, run)
        pairs = [(model, _looked_at(model, before, told), _looked_at(model, again, told)) for model in chosen]
    same = sum(torch.equal(one.answers, other.answers) for _, one, other in pairs)
    if same == len(pairs):
        return Derivation(part=part, likeness="same bits", text=f"{same} of {len(plan)}")
    off = [model for model, one, other in pairs if not _alike(told, model, one, other)]
    text = f"{same} of {len(pairs)} to the last bit, {len(off)} further apart than seeds are"
    return Derivation(part=part, likeness="differs" if off else "within tolerance", text=text)


@attrs.frozen(eq=False)
class _Look:
    """What a model answers to the queries, how far it agrees with the victim there, and how accurate it is."""

    answers: torch.Tensor
    kappa: float
    accuracy: float


def _looked_at(model: ZooModel, zoo: Zoo, told: Enrolment) -> _Look:
    with threads(1):  # the same bits as in any other run
        query = zoo.query(model)
        answers = ask(query, told.queries)
        accuracy = 0.0
        if told.ability is not None:
            labels = label_rows(query(to_pixels(told.able)))
            accuracy = told.ability.accuracy(labels.to(told.ability.truth.dtype))
    return _Look(answers, float(label_agreement(answers, told.victim_answers)), accuracy)


def _alike(told: Enrolment, model: ZooModel, one: _Look, other: _Look) -> bool:
    """Tell whether two models are no further apart than those of their stratum, which differ by their seeds."""
    rows = told.calibration.rows.get(model.stratum, [])
    kappas = label_agreement(told.calibration.answers[PLAIN][rows], told.victim_answers).tolist()
    accuracies = [told.ability.accuracies()[row] for row in rows] if told.ability is not None else []
    return all(
        abs(first - second) <= _SPREAD * max(_LEAST_SPREAD, _deviation(values))
        for first, second, values in ((one.kappa, other.kappa, kappas), (one.accuracy, other.accuracy, accuracies))
    )


def _deviation(values: Sequence[float]) -> float:
    return float(torch.tensor(values, dtype=torch.float64).std()) if len(values) > 1 else 0.0


def _verdicts(told: Enrolment, found: Enrolment | None, path: str | Path) -> Derivation:
    """Return whether both enrolments say the same of a suspect.

    It was asked the first one's queries. Those that were derived again may differ by a grey level, and the encoders and
    models that were derived with them judge its answers all the same. Where others were derived, nothing does.
    """
    part = f"verdict of {Path(path).name}"
    if found is None:
        return Derivation(part=part, likeness="not derived", text="it was asked other queries than were derived again")
    found = attrs.evolve(found, queries=told.queries)
    [first], [second] = (verify_many(each, answers=[path]) for each in (told, found))
    text = f"{first.verdict} p {first.p_value:g}; derived again {second.verdict} p {second.p_value:g}"
    if first.verdict != second.verdict:
        return Derivation(part=part, likeness="differs", text=text)
    same = first.view_scores == second.view_scores and first.p_value == second.p_value
    return Derivation(part=part, likeness="same bits" if same else "within tolerance", text=text)
