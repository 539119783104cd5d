"""`run_demo`: the main job from end to end on scikit-learn's digits."""

from __future__ import annotations

from pathlib import Path

import attrs

from fpframe.enrolment import enroll
from fpframe.errors import UsageError
from fpframe.evaluation import Evaluation, evaluate
from fpframe.models import PROBS
from fpframe.recipe import Recipe, Run
from fpframe.report import write_evaluations
from fpframe.store import refuse_folder
from fpframe.zoo import announce, plan_zoo

RECIPE = "tiny"
SCHEME = "uap-contrastive"


def run_demo(out: Path, *, seed: int = 0, force: bool = False, run: Run | None = None) -> Evaluation:
    """Train a victim, thieves and innocents, enroll the victim, and verify suspects that took no part in it.

    Writes the enrolment, ``result.json``, ``table.md`` and pictures below `out`.

    Args:
        out: folder to write to.
        seed: decides every random choice.
        force: overwrite an earlier demo.
        run: how the work is carried out; models are kept below `out`, so that a demo leaves nothing elsewhere.

    Raises:
        UsageError: the folder holds something already and `force` is not set.
    """
    refuse_folder(out, force=True)  # an interrupted demo leaves its store, and goes on
    taken = [name for name in ("result.json", "recipe.toml", "table.md") if (out / name).exists()]
    if taken and not force:
        raise UsageError(
            f"output exists already ({out / taken[0]}); choose another --out, or overwrite it with --force"
        )
    run = attrs.evolve(run or Run(), store=out / "store")
    # the suspects of a demo reveal probabilities; an encoder for each further channel would double what it takes
    recipe = attrs.evolve(Recipe.load(RECIPE), channels=(PROBS,))
    # all of the zoo at once, or workers would be started again for the held-out models
    planned = plan_zoo(recipe, seed=seed, run=run)
    announce(planned.models, planned.workspace, run)
    planned.build()
    enrolment = enroll(recipe=recipe, scheme=SCHEME, seed=seed, run=run)
    enrolment.save(out / "digits.enrolment", force=force)
    [evaluation] = evaluate([enrolment], channels=(PROBS,), run=run)
    write_evaluations([evaluation], out)
    return evaluation
