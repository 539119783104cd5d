"""Write what an evaluation found: data, table and pictures."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from fpframe.errors import UsageError
from fpframe.evaluation import Evaluation
from fpframe.report.pictures import similarity_svg, tsne_svg
from fpframe.report.tables import evaluation_markdown
from fpframe.store import write_durably


def require_folder(path: Path | None, *, force: bool) -> None:
    """Refuse an output folder that holds something already.

    Raises:
        UsageError: names the folder.
    """
    if path is None or not path.exists():
        return
    if not path.is_dir():
        raise UsageError(f"output is a file ({path}); name a folder")
    if any(path.iterdir()) and not force:
        raise UsageError(f"output folder exists already ({path}); choose another --out, or overwrite it with --force")


def write_evaluations(evaluations: Sequence[Evaluation], path: Path) -> None:
    """Write ``result.json``, ``table.md``, and two pictures for each scheme.

    Raises:
        ResourceError: the disk is full or cannot be written.
    """
    results = {"evaluations": [evaluation.to_dict() for evaluation in evaluations]}
    files = {
        "result.json": json.dumps(results, indent=2, sort_keys=True, allow_nan=False) + "\n",
        "recipe.toml": evaluations[0].enrolment.recipe.to_toml(),
        "table.md": evaluation_markdown(evaluations),
    }
    for evaluation in evaluations:
        files[f"similarity-{evaluation.enrolment.scheme}.svg"] = similarity_svg(evaluation)
        files[f"tsne-{evaluation.enrolment.scheme}.svg"] = tsne_svg(evaluation)
    for name, content in files.items():
        write_durably(path / name, content.encode())
