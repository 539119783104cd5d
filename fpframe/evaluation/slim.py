"""Keep a zoo's weights, or only what its models answer: a run that moves to another machine needs no more than that."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path

import attrs

from fpframe.base import Event
from fpframe.enrolment import (
    ability_choice,
    ask_zoo,
    calibrating,
    check_method,
    check_pool,
    find_scheme,
    top_up,
    victim_labels,
)
from fpframe.errors import UsageError
from fpframe.interfaces import Scheme
from fpframe.recipe import SPLITS
from fpframe.store import Store
from fpframe.verification import keep_recordings
from fpframe.zoo import Setting, Zoo, ZooPlan, ask_models_through, drop_weights, model_key, victim_model


@attrs.frozen(kw_only=True, eq=False)
class Kept:
    """A zoo of which answers are left.

    Attributes:
        zoo: its models.
        dropped: models whose weights were dropped now, those included that others are made from.
        freed: bytes that this freed.
    """

    zoo: Zoo
    dropped: int
    freed: int


def keep_answers(planned: ZooPlan, schemes: Sequence[Scheme | str | Path] = ()) -> Kept:
    """Build a zoo, ask all of it the queries of schemes, and drop all weights but the victim's.

    No weights are dropped before every answer is on disk. Interrupted at any moment and called again, it continues
    where it was.

    Args:
        planned: the models; all splits of the recipe, since queries may depend on the models of the fit split.
        schemes: schemes besides the recipe's, their names, or TOML files with them.

    Raises:
        UsageError: a scheme cannot be asked, or a split is not planned.
        DataError: the pool is too small for a scheme.
        IntegrityError: weights that were dropped earlier are needed, for answers that were not asked for then.
        ResourceError: a worker died again and again, or the disk is full.
    """
    recipe, workspace, run = planned.recipe, planned.workspace, planned.run
    _require_whole(planned)
    found = [find_scheme(scheme, workspace.registry) for scheme in (recipe.scheme, *schemes)]
    methods = [
        check_method(recipe, workspace.registry, without=planned.without, scheme=scheme)
        for scheme in {scheme.name: scheme for scheme in found}.values()
    ]
    for method in methods:
        check_pool(method.parts, workspace.parts.pool)
    zoo = planned.build()
    zoo = top_up(zoo, recipe, victim_labels(workspace, recipe.seed), run, without=planned.without)
    able = workspace.dataset.test[ability_choice(len(workspace.dataset.test), recipe.seed)]
    setting = Setting(recipe=recipe, workspace=workspace, without=planned.without, victim_name="", caveats=())
    with run.computing():
        for method in methods:
            run.on_event(Event(task="keeping answers", kind="note", text=f"asking the queries of {method.scheme.name}"))
            asked = ask_zoo(setting, method, zoo, keep=True, on_event=run.on_event)
            chosen, queries = calibrating(zoo.models), asked.questions.queries
            ask_models_through(zoo, queries, method.filters, models=chosen, keep=True, on_event=run.on_event)
            keep_recordings(zoo, queries, able.images, recipe.channels, on_event=run.on_event)
    freed = _drop_all(planned, zoo)
    return Kept(zoo=zoo, dropped=sum(size > 0 for size in freed), freed=sum(freed))


def stored_bytes(store: Store) -> int:
    """Return the bytes of all files in a store."""
    total = 0
    for path in store.models.rglob("*"):
        with contextlib.suppress(FileNotFoundError):  # a temporary file of another process
            total += path.stat().st_size if path.is_file() else 0
    return total


def _require_whole(planned: ZooPlan) -> None:
    recipe = planned.recipe
    wanted = [s for s in SPLITS if any(group.count(s) for group in (*recipe.independent, *recipe.derived))]
    missing = [split for split in wanted if split not in {model.split for model in planned.models}]
    if missing:
        raise UsageError(
            f"answers are kept for whole recipes, because queries may depend on other splits ('{missing[0]}' is not "
            "planned); leave out --splits"
        )


def _drop_all(planned: ZooPlan, zoo: Zoo) -> list[int]:
    """Drop the weights of every model, and of those that they are made from, and return the bytes that each frees."""
    workspace = planned.workspace
    links = [link for model in zoo.models for link in model.chain]
    models = {model_key(link, workspace): link for link in links}
    # verdicts are about the victim: it is asked itself, again and again
    models.pop(model_key(victim_model(planned.recipe), workspace), None)
    freed = []
    for model in models.values():
        freed.append(drop_weights(model, workspace))
        planned.run.on_event(Event(task="dropping weights", done=len(freed), total=len(models)))
    return freed
