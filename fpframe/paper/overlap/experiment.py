"""Overlap: does an independent model look stolen because it learned from the victim's own training images?

Models of the victim's architecture share from none to nine tenths of its training images. If similarity followed from
shared images, it would grow with their share, and honest owners of the same data would be accused.
"""

from __future__ import annotations

from collections import Counter

import attrs

from fpframe.models import Images
from fpframe.paper.experiment import Experiment, Finding, Table
from fpframe.paper.laboratory import CONTROL, UAP, Laboratory
from fpframe.paper.overlap.claims import accused_claim, growth_claim
from fpframe.paper.overlap.measured import FRACTIONS, measure, share_of
from fpframe.paper.overlap.pictures import draw_facts, draw_similarity
from fpframe.paper.overlap.slope import Slope
from fpframe.paper.overlap.text import text
from fpframe.recipe import IndependentGroup
from fpframe.zoo import ZooModel, plan_models

AGREEMENT, ACCURACY = "agreement with the victim", "accuracy"


def run(laboratory: Laboratory) -> Finding:
    """Train models on overlapping images, and follow their similarity, agreement and accuracy."""
    recipe, parts = laboratory.recipe, laboratory.setting.workspace.parts
    zoo = laboratory.build(plan_overlapping(laboratory))
    shares = [share_of(model) for model in zoo.models]
    facts = [zoo.facts(model) for model in zoo.models]
    curves = {AGREEMENT: [fact.agreement for fact in facts], ACCURACY: [fact.accuracy for fact in facts]}
    slopes = {name: Slope.of(shares, values) for name, values in curves.items()}
    measured = {scheme: measure(laboratory, scheme, zoo) for scheme in (UAP, CONTROL)}
    shared = {f"{each:g}": shared_images(parts.part(f"overlap:{each:g}"), parts.victim) for each in FRACTIONS}
    return Finding(
        data={
            "images": len(parts.victim),
            "images_shared_with_the_victim": shared,
            "alpha": recipe.alpha,
            "slopes": {name: attrs.asdict(slope) for name, slope in slopes.items()},
            "schemes": {
                scheme: {
                    "slope": attrs.asdict(each.slope),
                    "called_derived": attrs.asdict(each.accused),
                    "held_out_derived_called_derived": attrs.asdict(each.found),
                    "mean_similarity": float(each.scores.mean()),
                    "mean_similarity_of_derived": float(each.derived.mean()),
                    "mean_similarity_of_independent": float(each.independent.mean()),
                }
                for scheme, each in measured.items()
            },
        },
        claims=(growth_claim(measured[UAP]), accused_claim(measured[UAP], recipe.alpha)),
        text=text(laboratory, measured, slopes, shared),
        tables={
            "models": Table(
                header=("overlap", "family", *(f"similarity by {scheme}" for scheme in measured), *curves),
                rows=[
                    (
                        shares[row],
                        model.family,
                        *(float(each.scores[row]) for each in measured.values()),
                        *(values[row] for values in curves.values()),
                    )
                    for row, model in enumerate(zoo.models)
                ],
            )
        },
        pictures={
            "similarity": draw_similarity(
                shares, {scheme: (each.scores, each.slope, each.derived) for scheme, each in measured.items()}
            ),
            "agreement": draw_facts(shares, {name: (values, slopes[name]) for name, values in curves.items()}),
        },
    )


def plan_overlapping(laboratory: Laboratory) -> list[ZooModel]:
    """Return models of the victim's architecture that share each fraction of its training images."""
    recipe = laboratory.recipe
    count = recipe.experiments.overlap_models
    groups = tuple(IndependentGroup(stratum=f"overlap({each:g})", test=count) for each in FRACTIONS)
    more = attrs.evolve(recipe, independent=groups, derived=())
    return plan_models(more, laboratory.setting.workspace.registry, splits=("test",))


def shared_images(part: Images, victim: Images) -> int:
    """Return how many images of a part are among the victim's, byte for byte, each of these counted once."""
    ours, theirs = (Counter(row.numpy().tobytes() for row in each.images) for each in (victim, part))
    return sum((ours & theirs).values())


EXPERIMENT = Experiment(
    name="overlap",
    section="Supplement C.2 (Figure D)",
    title="Independent models that share training images with the victim",
    shows="Independent models do not become more similar to the victim the more of its training images they were "
    "trained on: similarity means theft, and not the same data.",
    run=run,
    scores=True,
    calibrates=True,
)
