"""What an enrolment is, as JSON-able data: what a report of a verdict says of where everything came from."""

from __future__ import annotations

from statistics import median
from typing import Any

import attrs
import torch
from torch import Tensor

from fpframe.base import without_nan
from fpframe.enrolment.commitment import Committed
from fpframe.enrolment.contents import Contents
from fpframe.enrolment.folder import enrolment_digest
from fpframe.models import add_perturbation


def enrolment_facts(contents: Contents) -> dict[str, Any]:
    """Return who was enrolled, how, and what it was calibrated on; NaN becomes ``None``."""
    recipe, queries = contents.recipe, contents.queries
    facts: dict[str, Any] = without_nan(
        {
            "digest": enrolment_digest(contents),
            "scheme": contents.scheme,
            "recipe": {
                "name": recipe.name,
                "seed": recipe.seed,
                "alpha": recipe.alpha,
                "dataset": recipe.dataset,
                "channels": list(recipe.channels),
            },
            "encoder": {**attrs.asdict(contents.encoder), "revision": contents.encoder_revision},
            "victim": dict(contents.victim),
            "preparation": None if contents.preparation is None else str(contents.preparation),
            "classes": list(contents.classes),
            "queries": {
                "digest": queries.digest,
                "views": queries.views,
                "images_per_view": queries.queries // queries.views,
                "images": queries.queries,
                "shape": list(queries.image_shape),
                "parts": [attrs.asdict(part) for part in queries.parts],
            },
            "perturbations": [{"steps": perturbation_steps(delta)} for delta in contents.deltas],
            "calibration": {
                "source": contents.calibration.source,
                "strata": dict(contents.calibration.counts),
                "filters": [name for name in contents.calibration.answers if name],
            },
            "ability": _ability(contents),
            "fitness": None if contents.fitness is None else contents.fitness.to_dict(),
            "origin": None if contents.origin is None else contents.origin.to_dict(),
            "commitment": None if contents.commitment is None else _commitment(contents.commitment),
            "assumptions": [note.to_dict() for note in contents.assumptions],
            "profile": dict(contents.profile),
        }
    )
    return facts


def _commitment(committed: Committed) -> dict[str, Any]:
    """Return by which commitment, beacon and attempt; what was committed to stands elsewhere in the facts."""
    return {
        "root": committed.root,
        "beacon": attrs.asdict(committed.beacon),
        "attempt": committed.attempt,
        "terms": attrs.asdict(committed.terms),
    }


def perturbation_steps(delta: Tensor) -> int:
    """Return by how many of 255 steps a perturbation changes a pixel at most, truncated as the queries are."""
    return int(add_perturbation(torch.zeros(1, dtype=torch.uint8), delta.abs().max()).item())


def _ability(contents: Contents) -> dict[str, Any] | None:
    """Return how able victim and calibration models are; lowest, median and highest accuracy by stratum."""
    ability = contents.ability
    if ability is None:
        return None
    accuracies = ability.accuracies()
    return {
        "images": len(ability.images),
        "victim": ability.victim_accuracy,
        "calibration": {
            stratum: [float(f([accuracies[row] for row in rows])) for f in (min, median, max)]
            for stratum, rows in contents.calibration.rows.items()
        },
        "left_out": list(ability.left_out),
    }
