"""Compare verdicts on models of a recipe, asked in this process, with those on their files, each in its own process.

    python tests/survival/verdicts.py --recipe quick --data-root DIR

The models are taken from the store, or trained. Exit code 0 if no verdict differs, else 1.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import fpframe
from fpframe.enrolment.enrolment import Enrolment
from fpframe.isolation import OwnProcess
from fpframe.verification.verdict import Verdict
from fpframe.zoo import Zoo, export_zoo


class Kept(OwnProcess):
    """Processes of suspects that are forked from one and the same, however many verdicts are asked for."""

    def close(self) -> None:
        """Leave it open; a call of `verify` would end it."""

    def end(self) -> None:
        """End it."""
        super().close()


def told(verdict: Verdict) -> dict[str, Any]:
    """Return everything that a verdict says, but for how the suspect was opened."""
    return {**verdict.to_dict(), "settings": None, "suspect": None}


def differing(enrolment: Enrolment, zoo: Zoo, folder: Path) -> tuple[Counter[str], list[str]]:
    """Return how many models got which verdict, and the lineages of those that got another one by their file."""
    index = export_zoo(zoo, folder, format="safetensors")
    models = {model.lineage.exact: model for model in zoo.models}
    counts, differ = Counter[str](), []
    registry = fpframe.load_registry()
    way = Kept(registry)
    try:
        for entry in json.loads(index.read_text()):
            here = fpframe.verify(enrolment, zoo.query(models[entry["exact"]]), registry=registry)
            address = str(folder / entry["file"])
            there = fpframe.verify(enrolment, address, backbone=entry["backbone"], registry=registry, isolation=way)
            assert not {note.code for note in there.caveats} & {"suspect-not-isolated"}, "it ran in this process"
            counts[here.verdict] += 1
            if told(here) != told(there):
                differ.append(entry["exact"])
    finally:
        way.end()
    return counts, differ


def main() -> int:
    """Compare the models that the command line names, and say how many differ."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recipe", default="tiny")
    parser.add_argument("--data-root", type=Path)
    parser.add_argument("--splits", nargs="+", default=["test"])
    parser.add_argument("--workers", type=int, default=1)
    given = parser.parse_args()
    run = fpframe.Run(workers=given.workers, data_root=given.data_root)
    enrolment = fpframe.enroll(recipe=given.recipe, run=run)
    zoo = fpframe.plan_zoo(given.recipe, run=run, splits=tuple(given.splits)).build()
    with tempfile.TemporaryDirectory() as folder:
        counts, differ = differing(enrolment, zoo, Path(folder) / "models")
    print(f"{counts.total()} models, {len(differ)} with another verdict in a process of their own: {dict(counts)}")
    for lineage in differ:
        print(lineage)
    return 1 if differ else 0


if __name__ == "__main__":
    sys.exit(main())
