"""``fpframe calibrate``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import attrs
from cyclopts import Group, Parameter

from fpframe.cli.isolation import LimitOptions
from fpframe.cli.options import Flag, Input, RunOptions, Words
from fpframe.cli.output import describe_enrolment
from fpframe.cli.streams import say
from fpframe.cli.texts import numbers, read_indices
from fpframe.errors import UsageError

if TYPE_CHECKING:
    from fpframe.enrolment import Independents


@Parameter(name="*", group=Group("Models of a recipe", sort_key=1))
@attrs.frozen(kw_only=True)
class ZooOptions:
    """Which models of which recipe.

    Attributes:
        recipe: Preset or TOML file whose 'calibrate' models are used; the enrolment's own by default.
        without: Strata to leave out.
        victim_indices: Indices of the training images that the victim has seen (.npy), as at the enrolment.
        base: The public model that the victim was fine-tuned from, as at the enrolment.
    """

    recipe: str | None = None
    without: Words = ()
    victim_indices: Path | None = None
    base: str | None = None


@Parameter(name="*", group=Group("Models of your own", sort_key=2))
@attrs.frozen(kw_only=True)
class IndependentsOptions:
    """A folder of independent models of your own, and how they are opened.

    Attributes:
        independents: Folder of your own independent models (.onnx, .pt2, .safetensors, .pt) to use instead of a
            recipe's, sorted as FILE, STRATUM/FILE or STRATUM/FAMILY/FILE, or written by 'fpframe zoo export'.
        add: Let them calibrate beside the models that do so already, and not in their place.
        backbone: Architecture of files of weights, such as timm:resnet18.
        outputs: How their answers are read.
        input_: How images are prepared for them, such as "resize=224,bicubic,antialias; rgb; mean=0.5; std=0.5".
        mean: Per-channel mean that they subtract from pixels, separated by commas; short for --input mean=.
        std: Per-channel standard deviation that they divide them by.
        checkpoint_key: Where in their files the weights lie, such as state_dict_ema; needed only where several fit.

    Which classes they tell is said with --classes, as for 'fpframe verify'.
    """

    independents: Path | None = None
    add: Flag = False
    backbone: str | None = None
    outputs: Literal["auto", "logits", "probs", "percent", "sigmoid"] = "auto"
    input_: Input = None
    mean: str | None = None
    std: str | None = None
    checkpoint_key: str | None = None

    def named(self, limits: LimitOptions, *, classes: Path | None, trust_code: bool) -> Independents | None:
        """Return the models that were named, or nothing.

        Args:
            limits: what each may use.
            classes: file that says which classes they tell.
            trust_code: whether files may be opened that can run code.

        Raises:
            UsageError: the options are about models of one's own, and none were named; or they cannot be read.
        """
        from fpframe.enrolment import Independents

        if self.independents is None:
            for name in ("add", "backbone", "input_", "mean", "std", "checkpoint_key"):
                if getattr(self, name) not in (None, False):
                    raise UsageError(
                        f"--{name.strip('_').replace('_', '-')} is about models of your own; name them with "
                        "--independents"
                    )
            return None
        return Independents(
            self.independents,
            backbone=self.backbone,
            outputs=self.outputs,
            preparation=self.input_,
            mean=numbers(self.mean, "--mean"),
            std=numbers(self.std, "--std"),
            classes=classes,
            trust_code=trust_code,
            add=self.add,
            checkpoint_key=self.checkpoint_key,
            limits=limits.limits(),
        )


def calibrate(
    enrolment: Path,
    *,
    out: Path,
    through: Words = (),
    alpha: float | None = None,
    force: Flag = False,
    zoo: ZooOptions = ZooOptions(),
    independents: IndependentsOptions = IndependentsOptions(),
    process: LimitOptions = LimitOptions(),
    run: RunOptions = RunOptions(),
) -> None:
    """Calibrate an enrolment on other independent models, or through a filter. The victim is not needed.

    Args:
        enrolment: Folder that 'fpframe enroll' wrote; it stays as it is.
        out: Folder to write the new enrolment to.
        through: Further answer filters to ask the models through, such as "flip(0.5)".
        alpha: New default for the highest p-value at which a suspect is called derived.
        force: Overwrite an existing enrolment.
        zoo: Models of a recipe.
        independents: Models of your own.
        process: What each of them may use in the process that it is opened and asked in.
        run: The data, and how work is carried out.
    """
    from fpframe.enrolment import calibrate as recalibrate, refuse_existing
    from fpframe.opening import VictimPast

    refuse_existing(out, force=force)
    models = independents.named(process, classes=run.classes, trust_code=run.trust_code)
    if models is not None:  # the data are not opened
        run = attrs.evolve(run, classes=None)
    with run.shown() as shown:
        made = recalibrate(
            enrolment,
            recipe=zoo.recipe,
            independents=models,
            through=through,
            alpha=alpha,
            dataset=run.dataset,
            past=VictimPast(indices=read_indices(zoo.victim_indices), base=zoo.base),
            without=zoo.without,
            run=shown,
        )
    made.save(out, force=force)
    say(describe_enrolment(made, out))
