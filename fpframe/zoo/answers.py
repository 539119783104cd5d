"""What models of a zoo answer: each is asked once, and its answers are kept in the store."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Literal

import attrs
import torch
from torch import Tensor

from fpframe.base import Event, Listener, batches_digest, ignore
from fpframe.models import Pixels, Query, QuerySet, ask
from fpframe.rng import derive_seed, threads
from fpframe.store import Remembered, recall_seconds, remember
from fpframe.zoo.chain import FilterChain
from fpframe.zoo.keys import model_key
from fpframe.zoo.model import ZooModel
from fpframe.zoo.zoo import Zoo

#: Kind of the answers to query sets. The number is raised when the same models would answer the same queries
#: differently, so that stored answers are not taken for these.
_TO_QUERIES = ("answers", "1")
#: Images whose pixels are hashed at once.
_TOGETHER = 64


def ask_once(
    zoo: Zoo,
    model: ZooModel,
    ask: Callable[[Query], dict[str, Tensor]],
    *,
    kind: Sequence[str],
    asked: Sequence[str],
    keep: bool = True,
) -> Remembered:
    """Return what `ask` learns from a model, from the store if it was asked before.

    Args:
        zoo: the zoo.
        model: one of its models.
        ask: asks it, through the answer filters of its lineage, and returns tensors by name.
        kind: names this kind of answers among all that are stored; a number in it is raised when the same question
            would be answered differently.
        asked: whatever decides the answers besides the model, such as a digest of the queries.
        keep: whether the answers are stored and found again.
    """

    def make() -> dict[str, Tensor]:
        query = zoo.query(model)
        with threads(1):  # the same bits as in any other run, however many threads the caller uses
            return ask(query)

    return remember(zoo.workspace.store if keep else None, _identity(zoo, model, kind, asked), make)


def ask_models(
    zoo: Zoo,
    queries: QuerySet,
    *,
    models: Sequence[ZooModel] | None = None,
    through: FilterChain | None = None,
    keep: bool = False,
    on_event: Listener = ignore,
) -> list[Tensor]:
    """Return the answers ``(V, Q, K)`` of models of a zoo, in order; one model is in memory at a time.

    Args:
        zoo: the zoo.
        queries: what they are asked.
        models: which of its models; ``None`` asks all.
        through: filters that they answer through.
        keep: whether the answers are stored and found again; see `asking_seconds` for how long they took.
        on_event: is told of progress.
    """

    def answer(model: ZooModel, query: Query) -> dict[str, Tensor]:
        if through is not None:
            query = through.wrap(query, seed=derive_seed(0, "calibrate through", model.lineage.exact))
        return {"answers": ask(query, queries)}

    chosen, answers = zoo.models if models is None else models, []
    task = f"asking the zoo through {through.text}" if through else "asking the zoo"
    for model in chosen:
        asked = _asked(queries, through)
        found = ask_once(zoo, model, partial(answer, model), kind=_TO_QUERIES, asked=asked, keep=keep)
        answers.append(found.tensors["answers"])
        on_event(Event(task=task, done=len(answers), total=len(chosen)))
    return answers


def ask_models_through(
    zoo: Zoo,
    queries: QuerySet,
    chains: Sequence[FilterChain],
    *,
    models: Sequence[ZooModel] | None = None,
    keep: bool = False,
    on_event: Listener = ignore,
) -> dict[str, Tensor]:
    """Return the answers ``(M, V, Q, K)`` of models through each of some filter chains, by the text of the chain."""
    return {
        chain.text: torch.stack(ask_models(zoo, queries, models=models, through=chain, keep=keep, on_event=on_event))
        for chain in chains
    }


def ask_pixels(
    zoo: Zoo,
    models: Sequence[ZooModel],
    pixels: Tensor | Pixels,
    *,
    purpose: Literal["a method", "an experiment"],
    keep: bool = True,
    reduce: Callable[[Tensor], Tensor] = lambda answers: answers,
    on_event: Listener = ignore,
) -> list[Remembered]:
    """Return the probabilities ``(P, K)``, by the name ``answers``, that models give for pixels ``(P, C, H, W)``.

    Pixels may have any precision, where a query set has 8 bits. Answers are kept apart for each purpose. What `reduce`
    makes of them is returned in their place: it is all that stays in memory.
    """
    asked, found = [_digest(pixels)], []
    for model in models:
        answered = ask_once(
            zoo, model, lambda q: {"answers": q.answers(pixels)}, kind=[f"answers to {purpose}"], asked=asked, keep=keep
        )
        found.append(attrs.evolve(answered, tensors={"answers": reduce(answered.tensors["answers"])}))
        on_event(Event(task="asking the zoo", done=len(found), total=len(models)))
    return found


def asking_seconds(zoo: Zoo, queries: QuerySet, models: Sequence[ZooModel]) -> list[float]:
    """Return how long each of some models took to answer a query set, when it was asked; 0 for one that was not."""
    asked = _asked(queries, None)
    return [recall_seconds(zoo.workspace.store, _identity(zoo, model, _TO_QUERIES, asked)) for model in models]


def _digest(pixels: Tensor | Pixels) -> str:
    return batches_digest("pixels", tuple(pixels.shape), pixels.split(_TOGETHER))


def _identity(zoo: Zoo, model: ZooModel, kind: Sequence[str], asked: Sequence[str]) -> list[str]:
    return [*kind, model_key(model, zoo.workspace), *asked]


def _asked(queries: QuerySet, through: FilterChain | None) -> list[str]:
    return [queries.digest, str(queries.views), through.text if through else ""]
