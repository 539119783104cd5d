"""Independent models of the user's own, to calibrate a verdict on: ask them, and refuse those that cannot serve."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import attrs
import torch
from torch import Tensor

from fpframe.base import Event, Listener
from fpframe.enrolment.ability import labels_of
from fpframe.enrolment.agreement import Agreement
from fpframe.enrolment.calibration import PLAIN, Calibration, CalibrationModel
from fpframe.enrolment.modelfolder import IndependentFile
from fpframe.errors import FpframeError, ModelError
from fpframe.models import Query, QuerySet, ask, observe_channel
from fpframe.models.classes import ClassList, MappedQuery, listed, map_classes
from fpframe.rng import derive_seed, threads
from fpframe.zoo import FilterChain


@attrs.frozen(kw_only=True, eq=False)
class Asked:
    """What models of the user's own answered.

    Attributes:
        answers: to the queries ``(M, V, Q, K)``, by the filter that they went through; `PLAIN` for none.
        labels: to the images that ability is measured on, ``(M, A)``.
    """

    answers: dict[str, Tensor]
    labels: Tensor

    @property
    def plain(self) -> Tensor:
        """The answers that went through no filter."""
        return self.answers[PLAIN]


def ask_independents(
    files: Sequence[IndependentFile],
    open_file: Callable[[IndependentFile], Query],
    in_order: Callable[[IndependentFile, Query], Query],
    queries: QuerySet,
    able: Tensor,
    chains: tuple[FilterChain, ...],
    *,
    on_event: Listener,
) -> Asked:
    """Ask models of the user's own; one is open at a time.

    Args:
        files: where they come from.
        open_file: opens one.
        in_order: makes it tell the victim's classes, as the last thing that is done to its answers.
        queries: what they are asked.
        able: the 8-bit images ``(A, C, H, W)`` that ability is measured on.
        chains: filters that they also answer through.
        on_event: is told of progress.

    Raises:
        ModelError: a model reveals labels only, answers with something that is not a number, or answers exactly as
            another does.
    """
    plain: list[Tensor] = []
    labels: list[Tensor] = []
    filtered: dict[str, list[Tensor]] = {chain.text: [] for chain in chains}
    for done, file in enumerate(files, start=1):
        opened = open_file(file)
        query = in_order(file, opened)
        with threads(1):  # the same bits as in any other run
            answers = ask(query, queries)
        if not bool(answers.isfinite().all()):
            raise ModelError(f"the model gives answers that are not finite numbers ({file.path}); leave it out")
        lacking = _lacking(query, answers)
        if lacking:
            raise ModelError(
                f"the model reveals {lacking} only ({file.path}); calibration models must give probabilities, which "
                "are cut down to what a suspect reveals"
            )
        plain.append(answers)
        labels.append(labels_of(query, able))
        for chain in chains:
            # numbered, for files in other folders may share a name, and no two models may share their noise
            wrapped = chain.wrap(opened, seed=derive_seed(0, "calibrate through", done, file.model.name))
            with threads(1):
                filtered[chain.text].append(ask(in_order(file, wrapped), queries))
        on_event(Event(task="asking independent models", done=done, total=len(files)))
    return Asked(
        answers={PLAIN: torch.stack(plain), **{text: torch.stack(rows) for text, rows in filtered.items()}},
        labels=torch.stack(labels),
    )


def in_victims_order(file: IndependentFile, query: Query, told: ClassList | None, classes: Sequence[str]) -> Query:
    """Return access to a model as if it told the victim's classes, in its order.

    Further classes are left out. One that lacks some would be compared with suspects that tell them.

    Args:
        file: where it comes from.
        query: the model.
        told: which classes it tells, where somebody said so.
        classes: the victim's.

    Raises:
        ModelError: it lacks some, or nobody says which of its classes are the victim's.
    """
    try:
        found = map_classes(told, query.class_names, query.num_classes, classes)
    except FpframeError as error:
        raise ModelError(f"this model cannot calibrate ({file.path}): {error}") from error
    if not found.is_complete:
        raise ModelError(
            f"this model cannot calibrate ({file.path}): it does not tell the victim's {listed(found.lacking)}; leave "
            "it out"
        )
    return MappedQuery(query, found) if found.changes else query


def _lacking(query: Query, answers: Tensor) -> str:
    """Return as what a model reveals less than probabilities, in words; empty where it reveals them."""
    if query.channel != "probs":
        return "labels"
    cut = query.outputs == "topk" or observe_channel(answers.flatten(0, 1)).startswith("topk")
    return "its highest probabilities" if cut else ""


def refuse_unfit(
    files: list[IndependentFile], answers: Tensor, victim_answers: Tensor, calibration_answers: Tensor
) -> None:
    """Refuse models that answer exactly as the victim or as each other, or that seem to do another task.

    Args:
        files: where they come from.
        answers: theirs ``(M, V, Q, K)``.
        victim_answers: the victim's ``(V, Q, K)``.
        calibration_answers: those of the models that calibrated before.

    Raises:
        ModelError: names the files.
    """
    agreement = Agreement(victim_answers, calibration_answers)
    for file, given in zip(files, answers, strict=True):
        note = agreement.astray(given)
        if note is not None:
            reason = note.text.removesuffix(".")
            raise ModelError(f"this model cannot calibrate ({file.path}): {reason}; fix it or remove it")
    for number, (file, given) in enumerate(zip(files, answers, strict=True)):
        if torch.allclose(given, victim_answers, rtol=0, atol=1e-5):
            raise ModelError(
                f"this model answers exactly as the victim does ({file.path}); it is not independent of it"
            )
        for earlier, others in zip(files[:number], answers[:number], strict=True):
            if torch.allclose(given, others, rtol=0, atol=1e-5):
                raise ModelError(
                    f"two models give exactly the same answers, and are one ({earlier.path}, {file.path}); "
                    "leave one out"
                )


def refuse_known(files: list[IndependentFile], answers: Tensor, before: Calibration) -> None:
    """Refuse models that calibrate already: one that is added again would count twice.

    Args:
        files: where they come from.
        answers: theirs ``(M, V, Q, K)``.
        before: the models that calibrate already.

    Raises:
        ModelError: names the file and the model.
    """
    for file, given in zip(files, answers, strict=True):
        for model, known in zip(before.models, before.answers[PLAIN], strict=True):
            if torch.allclose(given, known, rtol=0, atol=1e-5):
                raise ModelError(
                    f"this model calibrates already ({file.path}): it answers exactly as '{model.name}' does; leave it "
                    "out"
                )


def names_once(files: list[IndependentFile], *, taken: Sequence[str] = ()) -> list[CalibrationModel]:
    """Return the models as an enrolment records them, numbered where two share a name, or have one that is taken."""
    counts = Counter([*(file.model.name for file in files), *taken])
    seen: Counter[str] = Counter(taken)
    models = []
    for file in files:
        seen[file.model.name] += 1
        number = f" #{seen[file.model.name]}" if counts[file.model.name] > 1 else ""
        models.append(attrs.evolve(file.model, name=file.model.name + number))
    return models
