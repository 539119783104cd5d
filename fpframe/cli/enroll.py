"""``fpframe enroll``."""

from __future__ import annotations

from pathlib import Path

import attrs
from cyclopts import Group, Parameter

from fpframe.cli.options import Flag, RunOptions, VictimOptions, Words
from fpframe.cli.output import describe_enrolment
from fpframe.cli.streams import say


@Parameter(name="*", group=Group("Recipe", sort_key=1))
@attrs.frozen(kw_only=True)
class RecipeOptions:
    """What is enrolled by.

    Attributes:
        recipe: Preset, such as tiny, quick or small, or a TOML file.
        scheme: Fingerprint scheme, see 'fpframe plugins'; or a TOML file with one.
        without: Strata to leave out. Without same-data your architecture is never trained, which saves much time where
            it is a large one.
        alpha: Highest p-value at which a suspect is called derived.
        seed: Decides every random choice.
        pool: Images that queries are drawn from, and that nobody else should have, such as folder:PATH; or test for
            half of the test images. By default a share of the training images.
        accept_unfit: Codes of what makes the enrolment unfit to accuse anybody, such as victim-at-chance, to go on all
            the same; every verdict will say so.
    """

    recipe: str = "quick"
    scheme: str | None = None
    without: Words = ()
    alpha: float | None = None
    seed: int | None = None
    pool: str | None = None
    accept_unfit: Words = ()


def enroll(
    *,
    out: Path,
    force: Flag = False,
    plan: RecipeOptions = RecipeOptions(),
    victim: VictimOptions = VictimOptions(),
    run: RunOptions = RunOptions(),
) -> None:
    """Fingerprint a victim and calibrate the verdict.

    Args:
        out: Folder to write the enrolment to.
        force: Overwrite an existing enrolment.
        plan: What is enrolled by.
        victim: The owner's model.
        run: The data, and how work is carried out.
    """
    from fpframe.enrolment import enroll as enroll_victim, refuse_existing
    from fpframe.recipe import Recipe

    refuse_existing(out, force=force)  # before hours of training
    settings = attrs.asdict(plan)
    settings["recipe"] = Recipe.of(plan.recipe, pool=settings.pop("pool"))
    with run.shown() as shown:
        enrolment = enroll_victim(victim.named(), run.dataset, **settings, run=shown)
    enrolment.save(out, force=force)
    say(describe_enrolment(enrolment, out))
