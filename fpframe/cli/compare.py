"""``fpframe compare``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import attrs
from cyclopts import Group, Parameter

from fpframe.cli.options import Flag, Names, RunOptions, VictimOptions, Words
from fpframe.cli.streams import say
from fpframe.cli.texts import listed, one_or_two, whole_numbers

if TYPE_CHECKING:
    from fpframe.comparison import Design


@Parameter(name="*", group=Group("Design", sort_key=1))
@attrs.frozen(kw_only=True)
class DesignOptions:
    """How often, on how many zoos, in which sizes and in which channels schemes are compared.

    Attributes:
        seed: Decides the data's division, the victim, all models and the first enrolment; the recipe's by default.
        seeds: Number of enrolments of each scheme; data and models stay the same.
        zoo_seeds: Number of zoos, at least 2: each divides the images anew, and trains a victim and models of its own.
            Intervals then hold what lies between zoos. Two zoos take twice as long as one, which is the default.
        sizes: Queries to a suspect, separated by commas: every scheme in each of these sizes, instead of its own.
        folds: Cross-fit in this many folds of families: every model is scored by what was made without its fold. This
            scores more models, but nothing is calibrated.
        contrast: Two schemes to be tested against each other in every cell, as in residual:akh; or one, to be tested
            against each of the others.
        channels: What the models reveal.
    """

    seed: int | None = None
    seeds: int = 1
    zoo_seeds: int | None = None
    sizes: str | None = None
    folds: int | None = None
    contrast: str | None = None
    channels: Annotated[Words, Parameter(show_default=" ".join)] = ("probs", "top1")

    def made(self) -> Design:
        """Return the design.

        Raises:
            UsageError: a number is too small, or a text cannot be read.
        """
        from fpframe.comparison import Design

        return Design(
            seeds=self.seeds,
            zoo_seeds=self.zoo_seeds,
            sizes=whole_numbers(self.sizes, "--sizes"),
            folds=self.folds,
            contrast=one_or_two(self.contrast, "--contrast"),
            channels=self.channels,
        )


def compare(
    *,
    schemes: Names = "",
    recipe: str = "small",
    without: Words = (),
    accept_unfit: Words = (),
    out: Path | None = None,
    force: Flag = False,
    design: DesignOptions = DesignOptions(),
    victim: VictimOptions = VictimOptions(),
    run: RunOptions = RunOptions(),
) -> None:
    """Enroll one victim by several schemes, and score the same unseen models; or several victims, each with a zoo.

    The answers of every model are kept, so a comparison that was stopped continues where it was.

    Args:
        schemes: Schemes, separated by commas: names, see 'fpframe plugins', or TOML files with schemes of your own.
        recipe: Preset, such as tiny, quick or small, or a TOML file.
        without: Strata to leave out.
        accept_unfit: Codes of what would make an enrolment unfit to accuse anybody, such as victim-at-chance, to
            compare all the same.
        out: Folder for result.json, table.md, cells.csv, scores.csv and pictures.
        force: Overwrite the files in an existing folder.
        design: How often, on how many zoos, in which sizes and in which channels.
        victim: The owner's model.
        run: The data, and how work is carried out.
    """
    from fpframe.comparison import compare as compare_schemes
    from fpframe.report import comparison_markdown, write_comparison
    from fpframe.store import refuse_folder

    if out is not None:
        refuse_folder(out, force=force)
    planned = design.made()
    with run.shown() as shown:
        comparison = compare_schemes(
            listed(schemes),
            recipe=recipe,
            seed=design.seed,
            design=planned,
            victim=victim.named(),
            dataset=run.dataset,
            without=without,
            accept_unfit=accept_unfit,
            run=shown,
        )
    say(comparison_markdown(comparison) if out is None else write_comparison(comparison, out))
