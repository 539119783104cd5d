"""Overlap: does an independent model look stolen because it learned from the victim's own training images?

Models of the victim's architecture share from none to nine tenths of its training images. If similarity followed from
shared images, it would grow with their share, and honest owners of the same data would be accused.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial

import attrs
import numpy as np
import torch

from fpframe.channel import PROBS
from fpframe.dataset import Images
from fpframe.decision import decide
from fpframe.decision.paths import mean_of_views
from fpframe.enrolment.calibration import score_views
from fpframe.evaluation import Rate
from fpframe.evaluation.counts import rate
from fpframe.paper.experiment import Claim, Experiment, Finding, Outcome, Table
from fpframe.paper.laboratory import CONTROL, UAP, Laboratory
from fpframe.paper.overlappictures import draw_facts, draw_similarity
from fpframe.paper.slope import Slope
from fpframe.paper.viewscores import score_asked
from fpframe.recipe import IndependentGroup, overlap_of
from fpframe.report.verdicts import markdown_table
from fpframe.zoo import Zoo, ZooModel, plan_models

#: Shares of the victim's training images.
FRACTIONS = tuple(step / 10 for step in range(10))
#: From the first fraction to the last.
RANGE = FRACTIONS[-1] - FRACTIONS[0]
AGREEMENT, ACCURACY = "agreement with the victim", "accuracy"


@attrs.frozen(kw_only=True, eq=False)
class Measured:
    """What a scheme says of models that share images with the victim.

    Attributes:
        scores: similarity to the victim ``(M,)``.
        slope: of similarity over the share of images.
        accused: how many of them the verdict's rule called derived.
        found: how many of the held-out derived models it called derived.
        derived: similarity of these ``(P,)``.
        independent: similarity of the recipe's held-out independent models ``(N,)``.
    """

    scores: np.ndarray
    slope: Slope
    accused: Rate
    found: Rate
    derived: np.ndarray
    independent: np.ndarray


def run(laboratory: Laboratory) -> Finding:
    """Train models on overlapping images, and follow their similarity, agreement and accuracy."""
    recipe, parts = laboratory.recipe, laboratory.setting.workspace.parts
    zoo = laboratory.build(plan_overlapping(laboratory))
    shares = [_share(model) for model in zoo.models]
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
        claims=(_growth(measured[UAP]), _accused(measured[UAP], recipe.alpha)),
        text=_text(laboratory, measured, slopes, shared),
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


def measure(laboratory: Laboratory, scheme: str, zoo: Zoo) -> Measured:
    """Score models by an encoder that has seen none of them, and judge them as suspects are judged."""
    asked = laboratory.ask(scheme)
    encoder = laboratory.fit(scheme, asked)
    usual = score_asked(laboratory, scheme, encoder, asked)
    answers = torch.stack([answer for _, answer in laboratory.ask(scheme, "test", zoo=zoo).models])
    views = score_views(encoder, answers, asked.victim, PROBS)
    strata = {name: paths.scores() for name, paths in usual.strata.items()}
    judge = partial(decide, strata=strata, alpha=laboratory.recipe.alpha)

    def called(kind: str, models: Sequence[ZooModel], rows: np.ndarray) -> Rate:
        verdicts = [judge(row.tolist()).verdict for row in rows]
        return rate(kind, [(each, model.family) for each, model in zip(verdicts, models, strict=True)])

    scores = np.array([mean_of_views(row) for row in views])
    derived, independent = usual.means(usual.views)
    return Measured(
        scores=scores,
        slope=Slope.of([_share(model) for model in zoo.models], scores),
        accused=called("overlapping", zoo.models, views),
        found=called("derived", usual.thefts, usual.above),
        derived=derived,
        independent=independent,
    )


def _share(model: ZooModel) -> float:
    share = overlap_of(model.stratum)
    assert share is not None
    return share


def _growth(measured: Measured) -> Claim:
    """Tell whether similarity grows: it does where the whole interval of the slope lies above 0."""
    slope = measured.slope
    grows = slope.interval[0] > 0
    distance = float(measured.derived.mean() - measured.scores.mean())
    found = f"it grows by {RANGE * slope.value:.3f} over the range, where derived models are {distance:.3f} above these"
    unseen = f"{slope.n} models could not have told a slope of less than {slope.half:.3f} from none"
    ranks = f"; ranks do grow (correlation {slope.rank_text})" if slope.rank > 0 and slope.rank_p_value <= 0.05 else ""
    return Claim(
        what="similarity of independent models by the overlap of their training images: slope per unit of overlap",
        paper="does not grow",
        ours=slope.text,
        outcome="differs" if grows else "agrees",
        why=found if grows else unseen + ranks,
    )


def _accused(measured: Measured, alpha: float) -> Claim:
    """Compare the share that is called derived with alpha: its interval has to lie on one side."""
    low, high = measured.accused.interval
    outcome: Outcome = "agrees" if high <= alpha else "differs" if low > alpha else "undecided"
    return Claim(
        what="independent models with overlapping training images that are called derived",
        paper="",
        ours=_rate(measured.accused),
        outcome=outcome,
        why={
            "agrees": f"at most the promised {alpha:g}",
            "differs": f"more than the promised {alpha:g}",
            "undecided": f"the interval reaches to both sides of the promised {alpha:g}",
        }[outcome],
    )


def _rate(found: Rate) -> str:
    low, high = found.interval
    unsure = f", {found.inconclusive} without a verdict" if found.inconclusive else ""
    return f"{found.hits / found.n:.2f} [{low:.3f}, {high:.3f}] ({found.hits} of {found.n}{unsure})"


def _text(
    laboratory: Laboratory, measured: Mapping[str, Measured], slopes: Mapping[str, Slope], shared: Mapping[str, int]
) -> str:
    recipe, images = laboratory.recipe, len(laboratory.setting.workspace.parts.victim)
    ours = measured[UAP]
    room, gap = RANGE * ours.slope.interval[1], float(ours.derived.mean() - ours.scores.mean())
    compared = f", {room / gap:.0%} of their mean distance from the derived models ({gap:.3f})" if gap > 0 else ""
    off = max(abs(count - float(share) * images) for share, count in shared.items())
    counted = f"the asked one up to {off:g}" if off else "exactly the asked one"
    return "\n".join(
        [
            f"Models of the victim's architecture, {recipe.experiments.overlap_models} for each of the fractions "
            f"{FRACTIONS[0]:g} to {FRACTIONS[-1]:g}, were trained like the victim on {images} images: that fraction of "
            "the victim's own, and others that it has not seen. Images that are equal byte for byte were counted: "
            f"their number is {counted}. Similarity is the mean over views of the cosine to the victim, by "
            "an encoder that was fitted on the fit split and has seen no such model. Slopes are by least squares, per "
            "unit of overlap, with Student's 95 % interval; beside them stands Spearman's rank "
            "correlation. Each model is trained with a seed of its own and counts once. Models are called derived by "
            f"the rule of a verdict: a conformal p-value of at most {recipe.alpha:g} in each of the recipe's strata. "
            "Rates carry exact (Clopper-Pearson) 95 % intervals; failed thefts are not among the derived models.\n",
            markdown_table(
                [
                    "scheme",
                    "slope of similarity",
                    "rank correlation",
                    "mean similarity",
                    "called derived",
                    "held-out derived models called derived",
                ],
                [
                    [
                        f"`{scheme}`",
                        each.slope.text,
                        each.slope.rank_text,
                        f"{each.scores.mean():.3f}",
                        _rate(each.accused),
                        _rate(each.found),
                    ]
                    for scheme, each in measured.items()
                ],
            ),
            f"What this many models leave open, by `{UAP}`: from {FRACTIONS[0]:g} to {FRACTIONS[-1]:g} similarity may "
            f"still grow by {max(room, 0):.3f}{compared if room > 0 else ''}.\n",
            "Beyond the paper: the models themselves on the test images. These slopes tell whether more of the "
            "victim's images make a model answer more like the victim, whatever a fingerprint sees of it:\n",
            markdown_table(
                ["", "slope", "rank correlation"], [[name, s.text, s.rank_text] for name, s in slopes.items()]
            ),
        ]
    )


EXPERIMENT = Experiment(
    name="overlap",
    section="Supplement C.2 (Figure D)",
    title="Independent models that share training images with the victim",
    shows="Independent models do not become more similar to the victim the more of its training images they were "
    "trained on: similarity means theft, and not the same data.",
    run=run,
)
