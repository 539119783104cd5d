"""How many thefts of `fit` would be called derived, each by an enrolment that never saw its family.

    python tests/bench/power_on_fit.py --recipe small --data-root DIR --sizes 100,300
    python tests/bench/power_on_fit.py --recipe small --data-root DIR --sizes 100 --fit other-teacher=4

The thefts are divided into folds. Each fold is judged by queries, an encoder and a calibration that were made without
its families. No model of `test` is looked at, so recipe and scheme may be chosen by this. `--fit` keeps so many models
of a stratum to learn from.

It prints a table in Markdown. `derived`: thefts that are called so. `paired`: the same, if the calibration models were
drawn on the same points as the theft, to see whether the verdict hangs on their choice. `above`: thefts that are above
enough calibration models, whether that hangs on the points or not. Then the stratum with the largest p-value where
nothing is shown.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import attrs
import numpy as np
import torch
from torch import Tensor

from fpframe.base import ignore
from fpframe.comparison.contenders import make_contenders
from fpframe.decision import reaches, stratum_p_value
from fpframe.enrolment import Enrolment, Method, ask_zoo, fingerprint
from fpframe.enrolment.points import drawn_points
from fpframe.enrolment.scoring import Scorer
from fpframe.models import ask
from fpframe.recipe import Recipe, Run
from fpframe.zoo import Setting, Zoo, ZooModel, build_models, divide_families, open_workspace, plan_models, prepare

FOLDS = 8
CHANNELS = ("probs", "top1")


@attrs.frozen
class Judged:
    """What one theft would be called.

    Attributes:
        above: whether its score is above enough calibration models in every stratum.
        sure: whether that does not hang on the choice of its points.
        paired: the same, where the calibration models are scored on the points that are drawn for it.
        binding: the stratum with the largest p-value.
    """

    above: bool
    sure: bool
    paired: bool
    binding: str


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", default="small", help="a preset, or a TOML file")
    parser.add_argument("--scheme", default="residual", help="of one view")
    parser.add_argument("--data-root", type=Path, help="folder with the data")
    parser.add_argument("--sizes", default="100", help="queries, separated by commas")
    parser.add_argument("--fit", default="", help="how many models of a stratum to learn from, as in other-teacher=4")
    parser.add_argument("--alpha", type=float, default=0.05)
    told = parser.parse_args()
    torch.set_num_threads(1)
    run = Run(data_root=told.data_root)
    recipe = attrs.evolve(Recipe.load(told.recipe), channels=CHANNELS, alpha=told.alpha)
    sizes = [int(size) for size in told.sizes.split(",")]
    workspace = open_workspace(recipe, None, run)
    setting = attrs.evolve(prepare(None, recipe, workspace, run), recipe=recipe)
    plan = _kept(plan_models(recipe, run.registry, splits=("fit", "calibrate")), told.fit)
    zoo = build_models(plan, workspace, run)
    zoo = Zoo(tuple(model for model in zoo.models if not zoo.facts(model).failed), workspace)
    print("| queries | channel | thefts | derived | paired | above | binding where not above |")
    print("|---|---|---|---|---|---|---|")
    for size in sizes:
        [contender] = make_contenders([told.scheme], recipe, run.registry, without=(), sizes=(size,))
        found: dict[str, list[Judged]] = {channel: [] for channel in CHANNELS}
        for fold in range(FOLDS):
            for channel, judged in _fold(setting, contender.method, zoo, fold):
                found[channel].append(judged)
        for channel, rows in found.items():
            binding = Counter(each.binding for each in rows if not each.above)
            counts = [sum(getattr(each, name) for each in rows) for name in ("sure", "paired", "above")]
            words = ", ".join(f"`{name}` {count}" for name, count in binding.most_common())
            print(f"| {size} | `{channel}` | {len(rows)} | {' | '.join(map(str, counts))} | {words} |", flush=True)


def _kept(plan: list[ZooModel], fit: str) -> list[ZooModel]:
    """Return a plan with so many models of a stratum in `fit`."""
    for limit in filter(None, fit.split(",")):
        stratum, count = limit.split("=")
        few = [model for model in plan if (model.split, model.stratum) == ("fit", stratum)]
        plan = [model for model in plan if model not in few[int(count) :]]
    return plan


def _fold(setting: Setting, method: Method, zoo: Zoo, fold: int) -> Iterator[tuple[str, Judged]]:
    """Yield, with its channel, what each theft of a fold would be called by an enrolment without the fold."""
    fit = [model for model in zoo.models if model.split == "fit"]
    places = divide_families(fit, FOLDS, seed=setting.recipe.seed)
    inside = {model for model in fit if places[model.family] == fold}
    known = Zoo(tuple(model for model in zoo.models if model not in inside), zoo.workspace)
    asked = ask_zoo(setting, method, known, on_event=ignore)
    enrolment = fingerprint(setting, method, known, asked, on_event=ignore)
    thefts = [model for model in zoo.models if model in inside and model.relation == "derived"]
    for channel in CHANNELS if thefts else ():
        theirs = np.stack([_drawn(enrolment, answers, channel) for answers in enrolment.calibration.answers[""]])
        rows = enrolment.calibration.rows.values()
        against = np.max([_threshold(theirs[row], setting.recipe.alpha) for row in rows], 0)
        for model in thefts:
            answers = ask(zoo.query(model), asked.questions.queries)
            yield channel, _judged(enrolment, answers, channel, against)


def _judged(enrolment: Enrolment, answers: Tensor, channel: str, against: np.ndarray) -> Judged:
    alpha, score = enrolment.recipe.alpha, float(enrolment.view_scores(answers, channel)[0])
    strata = enrolment.strata(channel)
    p = {name: stratum_p_value(score, each).p for name, each in strata.items()}
    above = all(reaches(each, alpha) for each in p.values())
    needed = max(_threshold(np.array(each.scores), alpha) for each in strata.values())
    ours = _drawn(enrolment, answers, channel)
    return Judged(
        above=above,
        sure=above and float(np.quantile(ours, 0.025)) > needed,
        paired=above and float(np.quantile(ours - against, 0.025)) > 0,
        binding=max(p, key=lambda name: (p[name], max(strata[name].scores))),
    )


def _threshold(scores: np.ndarray, alpha: float) -> np.ndarray:
    """Return the score ``(R,)`` or ``()`` that a suspect has to be above, of ``(n, R)`` or ``(n,)``."""
    higher = int(alpha * (len(scores) + 1) + 1e-9) - 1
    return np.sort(scores, 0)[len(scores) - 1 - higher]


def _drawn(enrolment: Enrolment, answers: Tensor, channel: str) -> np.ndarray:
    """Return the scores ``(R,)`` of a model on points that are drawn again."""
    scorer = Scorer(enrolment.encoders, enrolment.standards, enrolment.victim_answers, channel)
    scores = scorer.drawn(answers, drawn_points(answers.shape[1]))
    assert scores is not None, "the scheme has several views, or an encoder that mixes its points"
    return scores.numpy()


if __name__ == "__main__":
    main()
