"""`run_demo`: the main job from end to end on scikit-learn's digits."""

from __future__ import annotations

from pathlib import Path

from fpframe.base import Listener, ignore
from fpframe.enrolment import enroll
from fpframe.errors import UsageError
from fpframe.evaluation import Evaluation, evaluate
from fpframe.models import PROBS
from fpframe.registry import load_registry
from fpframe.report import write_evaluations
from fpframe.store import Store

RECIPE = "tiny"
SCHEME = "uap-contrastive"


def run_demo(
    out: Path,
    *,
    seed: int = 0,
    workers: int = 1,
    force: bool = False,
    store: Store | None = None,
    on_event: Listener = ignore,
) -> Evaluation:
    """Train a victim, thieves and innocents, enroll the victim, and verify suspects that took no part in it.

    Writes the enrolment, ``result.json``, ``table.md`` and pictures below `out`.

    Args:
        out: folder to write to.
        seed: decides every random choice.
        workers: processes that train models.
        force: overwrite an earlier demo.
        store: where trained models are kept; by default below `out`, so that a demo leaves nothing elsewhere.
        on_event: is told of progress.

    Raises:
        UsageError: the folder holds something already and `force` is not set.
    """
    if out.exists() and not out.is_dir():
        raise UsageError(f"output is a file ({out}); name a folder")
    # an interrupted demo leaves its store, and goes on
    taken = [name for name in ("result.json", "recipe.toml", "table.md") if (out / name).exists()]
    if taken and not force:
        raise UsageError(
            f"output exists already ({out / taken[0]}); choose another --out, or overwrite it with --force"
        )
    registry = load_registry()
    store = store or Store(out / "store")
    enrolment = enroll(
        recipe=RECIPE,
        scheme=SCHEME,
        seed=seed,
        out=out / "digits.enrolment",
        force=force,
        workers=workers,
        store=store,
        registry=registry,
        on_event=on_event,
    )
    [evaluation] = evaluate(
        [enrolment], channels=(PROBS,), workers=workers, store=store, registry=registry, on_event=on_event
    )
    write_evaluations([evaluation], out)
    return evaluation
