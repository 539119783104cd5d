"""Make a scheme's queries for a victim, and ask the victim and a zoo."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import torch
from torch import Tensor

from fpframe.base import Event, Listener, ignore
from fpframe.enrolment.encoders import Answered
from fpframe.enrolment.method import Method
from fpframe.enrolment.queries import (
    QUESTIONS_REVISION,
    Questions,
    crafted_table,
    make_questions,
    question_layout,
    read_crafted,
)
from fpframe.models import QuerySet, ask
from fpframe.rng import threads
from fpframe.store import remember
from fpframe.zoo import Setting, Zoo, ZooModel, ZooReferences, ask_models, model_key

#: What stored queries call the record of their perturbations.
_CRAFTED = "crafted"


@attrs.frozen(kw_only=True, eq=False)
class ZooAnswers:
    """What a zoo answered to the queries of a scheme.

    Attributes:
        questions: the queries.
        victim: the victim's answers ``(V, Q, K)``.
        models: each model with its own.
        fitting: those of them that encoders are fitted on: the fit split, but for failed thefts.
        seconds: what the making of the queries took.
    """

    questions: Questions
    victim: Tensor
    models: Answered
    fitting: frozenset[ZooModel]
    seconds: float

    @property
    def fit(self) -> Answered:
        """The models that encoders are fitted on, each with its answers."""
        return [(model, answer) for model, answer in self.models if model in self.fitting]

    def of(self, models: Sequence[ZooModel]) -> Tensor:
        """Return the answers of some of the models ``(M, V, Q, K)``."""
        answers = dict(self.models)
        return torch.stack([answers[model] for model in models])


def ask_zoo(
    setting: Setting, method: Method, zoo: Zoo, *, keep: bool = False, on_event: Listener = ignore
) -> ZooAnswers:
    """Make the queries of a scheme, and ask the victim and every model of the zoo.

    Args:
        setting: recipe, data and victim.
        method: the scheme's components.
        zoo: the models; those of the fit split are the references of components that need any.
        keep: whether queries and answers are stored, and found again.
        on_event: is told of progress.
    """
    on_event(Event(task="making queries", total=1))
    questions, seconds = _questions(setting, method, zoo, keep=keep)
    with threads(1):
        victim = ask(setting.victim.classifier.as_query(), questions.queries)
    on_event(Event(task="making queries", done=1, total=1))
    answers = ask_models(zoo, questions.queries, keep=keep, on_event=on_event)
    return ZooAnswers(
        questions=questions,
        victim=victim,
        models=list(zip(zoo.models, answers, strict=True)),
        fitting=frozenset(zoo.fitting()),
        seconds=seconds,
    )


def _questions(setting: Setting, method: Method, zoo: Zoo, *, keep: bool) -> tuple[Questions, float]:
    recipe, workspace = setting.recipe, setting.workspace
    references = ZooReferences.of(zoo, keep=keep) if method.needs_references else None
    identity = [
        "questions",
        QUESTIONS_REVISION,
        setting.victim.key,
        workspace.parts.pool.digest,
        [part.identity for part in method.parts],
        [recipe.enrolment_seed, recipe.queries.craft_images],
        [model_key(model, workspace) for model in zoo.fitting()] if references is not None else [],
    ]

    def make() -> dict[str, Tensor]:
        with threads(1):  # the same bits on any number of cores
            made = make_questions(method.parts, recipe, setting.victim.classifier, workspace.parts.pool, references)
        deltas = {f"delta-{i}": delta for i, delta in enumerate(made.deltas)}
        return {"images": made.queries.images, _CRAFTED: crafted_table(made.crafted), **deltas}

    found = remember(
        workspace.store if keep else None,
        identity,
        make,
        spared=lambda: references.spared if references is not None else 0.0,
    )
    deltas = tuple(found.tensors[f"delta-{i}"] for i in range(sum(name.startswith("delta-") for name in found.tensors)))
    queries = QuerySet(images=found.tensors["images"], parts=question_layout(method.parts))
    # earlier releases did not keep it
    crafted = read_crafted(method.parts, found.tensors[_CRAFTED]) if _CRAFTED in found.tensors else ()
    return Questions(queries, deltas, crafted), found.seconds
