"""Write what came out of experiments: a page, data, tables and pictures for each, and an index of all."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from fpframe.base import without_nan
from fpframe.paper.experiment import ALL, EXPERIMENTS, Claim, Experiment, Finding, Table
from fpframe.recipe import Recipe
from fpframe.report import markdown_table
from fpframe.store import write_durably

SOURCE = "Peng et al., Fingerprinting Deep Neural Networks Globally via Universal Adversarial Perturbations, CVPR 2022"


@attrs.frozen(kw_only=True)
class Reproduction:
    """One experiment as it was run.

    Attributes:
        experiment: which.
        finding: what came out.
        recipe: under which recipe.
        options: the command's other options, as they are written on the command line.
        victim: address and accuracy of the victim.
        seconds: what the run took; little where answers were in the store already.
        profile: the machine.
    """

    experiment: Experiment
    finding: Finding
    recipe: Recipe
    options: tuple[str, ...] = ()
    victim: Mapping[str, Any]
    seconds: float
    profile: Mapping[str, Any]

    def command(self, *names: str) -> str:
        """Return the command that runs it again, or experiments of other names."""
        words = ("fpframe", "reproduce", *(names or (self.experiment.name,)), "--recipe", self.recipe.name)
        return " ".join((*words, *self.options))


def write_reproduction(run: Reproduction, folder: Path) -> None:
    """Write an experiment's page, data, tables and pictures.

    Raises:
        ResourceError: the disk is full or cannot be written.
    """
    name, finding = run.experiment.name, run.finding
    result = {
        "experiment": name,
        "recipe": run.recipe.name,
        "seed": run.recipe.seed,
        "dataset": run.recipe.dataset,
        "victim": run.victim,
        "seconds": round(run.seconds, 1),
        "profile": run.profile,
        "claims": [attrs.asdict(claim) for claim in finding.claims],
        "data": finding.data,
    }
    files = {f"{name}.md": page(run), f"{name}.json": json.dumps(without_nan(result), indent=1, sort_keys=True) + "\n"}
    files |= {f"{_stem(name, table)}.csv": _csv(content) for table, content in finding.tables.items()}
    files |= {f"{_stem(name, picture)}.svg": content for picture, content in finding.pictures.items()}
    for file, content in files.items():
        write_durably(folder / file, content.encode())


def page(run: Reproduction) -> str:
    """Return an experiment's page: the paper's figures and ours side by side, pictures, and what was done."""
    experiment, finding, recipe = run.experiment, run.finding, run.recipe
    lines = [
        f"# {experiment.title}\n",
        f"{experiment.section} of {SOURCE}.\n",
        f"**What the paper shows.** {experiment.shows}\n",
        f"```sh\n{run.command()}\n```\n",
        f"Recipe `{recipe.name}`, seed {recipe.seed}, data `{recipe.dataset}`, victim `{run.victim['address']}` "
        f"(accuracy {run.victim['accuracy']:.3f}).\n",
        claims_table(finding.claims),
        *(f"![{picture}]({_stem(experiment.name, picture)}.svg)\n" for picture in finding.pictures),
        finding.text.strip() + "\n",
        _files(run),
    ]
    return "\n".join(lines)


def claims_table(claims: tuple[Claim, ...]) -> str:
    """Return the paper's figures and ours side by side."""
    rows = [
        [claim.what, claim.paper or "-", claim.ours, claim.outcome + (f": {claim.why}" if claim.why else "")]
        for claim in claims
    ]
    return markdown_table(["", "the paper", "here", "agreement"], rows)


def index_page(runs: Mapping[str, Reproduction]) -> str:
    """Return a page with every experiment and its claims."""
    first = next(iter(runs.values()))
    names = (ALL,) if set(runs) == set(EXPERIMENTS) else tuple(runs)
    lines = [
        "# The experiments of the paper's supplement\n",
        f"{SOURCE}. Recipe `{first.recipe.name}`, seed {first.recipe.seed}, data `{first.recipe.dataset}`, victim "
        f"`{first.victim['address']}` (accuracy {first.victim['accuracy']:.3f}).\n",
        f"```sh\n{first.command(*names)}\n```\n",
    ]
    for name, run in runs.items():
        lines += [f"## [{run.experiment.title}]({name}.md)\n", run.experiment.shows + "\n"]
        lines += [claims_table(run.finding.claims)]
    minutes = sum(run.seconds for run in runs.values()) / 60
    lines += [
        f"They took {minutes:.1f} minutes in this run, where what the store held already took none "
        f"({_machine(first.profile)}).\n"
    ]
    return "\n".join(lines)


def _files(run: Reproduction) -> str:
    name, finding = run.experiment.name, run.finding
    names = [f"{name}.json", *(f"{_stem(name, table)}.csv" for table in finding.tables)]
    return f"Data: {', '.join(f'[{file}]({file})' for file in names)}. Run on {_machine(run.profile)}.\n"


def _machine(profile: Mapping[str, Any]) -> str:
    return f"{profile['machine']}, {profile['cpu_capability']}, Python {profile['python']}, torch {profile['torch']}"


def _stem(experiment: str, part: str) -> str:
    return experiment if part == experiment else f"{experiment}-{part}"


def _csv(table: Table) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(table.header)
    writer.writerows([f"{cell:.6g}" if isinstance(cell, float) else cell for cell in row] for row in table.rows)
    return text.getvalue()
