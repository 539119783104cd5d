"""Write what an evaluation found: data, table and pictures."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

import attrs

from fpframe.base import without_nan
from fpframe.evaluation import Evaluation, diagnose
from fpframe.report.evaluation.curves import det_svg, roc_svg
from fpframe.report.evaluation.pictures import similarity_svg, strata_svg
from fpframe.report.evaluation.plane import tsne_svg
from fpframe.report.evaluation.tables import evaluation_markdown, labels
from fpframe.store import write_durably


def write_evaluations(evaluations: Sequence[Evaluation], path: Path) -> None:
    """Write ``result.json``, ``table.md``, and pictures: three for each evaluation, and two of all together.

    Raises:
        ResourceError: the disk is full or cannot be written.
    """
    results = {
        "evaluations": [
            {**evaluation.to_dict(), "diagnostics": without_nan(attrs.asdict(diagnose(evaluation)))}
            for evaluation in evaluations
        ]
    }
    files = {
        "result.json": json.dumps(results, indent=2, sort_keys=True, allow_nan=False) + "\n",
        "recipe.toml": evaluations[0].enrolment.recipe.to_toml(),
        "table.md": evaluation_markdown(evaluations),
    }
    for evaluation, name in zip(evaluations, labels(evaluations), strict=True):
        stem = re.sub(r"[^\w.]+", "-", name)
        files[f"similarity-{stem}.svg"] = similarity_svg(evaluation)
        files[f"tsne-{stem}.svg"] = tsne_svg(evaluation)
        files[f"strata-{stem}.svg"] = strata_svg(evaluation)
    files["roc.svg"], files["det.svg"] = roc_svg(evaluations), det_svg(evaluations)
    for name, content in files.items():
        write_durably(path / name, content.encode())
