"""``fpframe enroll``."""

from __future__ import annotations

from pathlib import Path

import attrs
from cyclopts import Group, Parameter

from fpframe.cli.options import Flag, RunOptions, VictimOptions, Words
from fpframe.cli.output import describe_enrolment
from fpframe.cli.streams import say
from fpframe.errors import UsageError


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


@Parameter(name="*", group=Group("Models of your own", sort_key=2))
@attrs.frozen(kw_only=True)
class PublicOptions:
    """Models of others that suspects are compared with.

    Attributes:
        independents: Folder of independent models, such as public ones for the same task; independents.toml in it may
            say how each is opened. Nothing is trained then, and the scheme is akh unless you name another that learns
            nothing.
        backbone_of: Architecture of files of weights among them, such as timm:resnet18, where the list names none.
    """

    independents: Path | None = None
    backbone_of: str | None = None


@Parameter(name="*", group=Group("Commitment", sort_key=3))
@attrs.frozen(kw_only=True)
class CommitmentOptions:
    """What was committed to beforehand.

    Attributes:
        commitment: Folder of a case that 'fpframe commit' wrote. Recipe and level are those of the commitment, and so
            are victim and data where you do not name them.
        beacon: Public randomness of the time that was committed to, as DATE:HEX.
    """

    commitment: Path | None = None
    beacon: str | None = None


def enroll(
    *,
    out: Path,
    force: Flag = False,
    plan: RecipeOptions = RecipeOptions(),
    public: PublicOptions = PublicOptions(),
    committed: CommitmentOptions = CommitmentOptions(),
    victim: VictimOptions = VictimOptions(),
    run: RunOptions = RunOptions(),
) -> None:
    """Fingerprint a victim and calibrate the verdict.

    Args:
        out: Folder to write the enrolment to.
        force: Overwrite an existing enrolment.
        plan: What is enrolled by.
        public: Models of others that suspects are compared with.
        committed: What was committed to beforehand.
        victim: The owner's model.
        run: The data, and how work is carried out.
    """
    from fpframe.enrolment import enroll as enroll_victim, refuse_existing
    from fpframe.recipe import Recipe

    refuse_existing(out, force=force)  # before hours of training
    if public.independents is not None:
        _enroll_on_files(out, force, plan, public, committed, victim, run)
        return
    if public.backbone_of is not None:
        raise UsageError("--backbone-of is about models of others; name them with --independents")
    if committed.commitment is not None or committed.beacon is not None:
        _enroll_committed(out, force, plan, committed, victim, run)
        return
    settings = attrs.asdict(plan)
    settings["recipe"] = Recipe.of(plan.recipe, pool=settings.pop("pool"))
    with run.shown() as shown:
        enrolment = enroll_victim(victim.named(), run.dataset, **settings, run=shown)
    enrolment.save(out, force=force)
    say(describe_enrolment(enrolment, out))


def _enroll_on_files(
    out: Path,
    force: bool,
    plan: RecipeOptions,
    public: PublicOptions,
    committed: CommitmentOptions,
    victim: VictimOptions,
    run: RunOptions,
) -> None:
    """Enroll beside models of others, with nothing trained.

    Raises:
        UsageError: no victim was named, or an option is about models of a recipe or about a commitment.
    """
    from fpframe.enrolment import Independents, enroll_on_files
    from fpframe.recipe import Recipe

    assert public.independents is not None
    if committed != CommitmentOptions():
        raise UsageError("a commitment is to a recipe and its models; leave out --independents, or --commitment")
    if plan.without:
        raise UsageError("--without is about models of a recipe, and --independents are the only ones; leave it out")
    owned = victim.named()
    if owned is None:
        raise UsageError("--independents are compared with a victim of your own; name it with --victim")
    models = Independents(public.independents, backbone=public.backbone_of, trust_code=run.trust_code)
    settings = {name: value for name, value in attrs.asdict(plan).items() if name not in ("without", "pool")}
    settings["recipe"] = Recipe.of(plan.recipe, pool=plan.pool)
    if plan.scheme is None:
        del settings["scheme"]
    with run.shown() as shown:
        enrolment = enroll_on_files(owned, models, run.dataset, **settings, run=shown)
    enrolment.save(out, force=force)
    say(describe_enrolment(enrolment, out))


def _enroll_committed(
    out: Path, force: bool, plan: RecipeOptions, committed: CommitmentOptions, victim: VictimOptions, run: RunOptions
) -> None:
    """Enroll as it was committed to.

    Raises:
        UsageError: an option would change what was committed to, or one of the two is missing.
    """
    from fpframe.cli.committed import named_again, refuse_code_of
    from fpframe.enrolment import Beacon
    from fpframe.evidence import Case, enroll_committed

    if committed.commitment is None or committed.beacon is None:
        raise UsageError("--commitment and --beacon belong together; name both")
    usual = RecipeOptions(accept_unfit=plan.accept_unfit)
    for field in attrs.fields(RecipeOptions):
        if getattr(plan, field.name) != getattr(usual, field.name):
            option = field.name.replace("_", "-")
            raise UsageError(f"--{option} was settled by the commitment; leave it out, or commit anew")
    beacon, case = Beacon.parse(committed.beacon), Case.open(committed.commitment)
    refuse_code_of(case.how, victim, run.silent())
    named, run = named_again(case.how, victim, run)
    with run.shown() as shown:
        made = enroll_committed(
            case, beacon, named, run.dataset, out=out, accept_unfit=plan.accept_unfit, force=force, run=shown
        )
    say(describe_enrolment(made, out))
