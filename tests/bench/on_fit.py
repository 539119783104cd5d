"""Compare schemes on the models of `fit` alone, each scored by what was made without its fold of families.

    python tests/bench/on_fit.py --data-root DIR residual,akh --sizes 100,300,1000
    python tests/bench/on_fit.py --data-root DIR uap-contrastive,lap-contrastive,random-sign,sac

DIR holds FashionMNIST. No model that calibrates or tests a verdict is looked at, so a scheme may be chosen by this. It
prints a table in Markdown: AUC over all models, and how many thefts score above the whole hardest stratum.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import attrs
import numpy as np
import torch

from fpframe.comparison.contenders import make_contenders
from fpframe.comparison.rounds import by_folds
from fpframe.decision import auc
from fpframe.recipe import Recipe, Run
from fpframe.zoo import Zoo, build_models, open_workspace, plan_models, prepare

FOLDS = 8
CHANNELS = ("probs", "top1")


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("schemes", help="names or TOML files, separated by commas")
    parser.add_argument("--data-root", type=Path, required=True, help="folder with FashionMNIST")
    parser.add_argument("--recipe", default="small")
    parser.add_argument("--sizes", default="", help="queries, separated by commas; each scheme's own by default")
    told = parser.parse_args()
    torch.set_num_threads(1)
    run = Run(data_root=told.data_root)
    recipe = attrs.evolve(Recipe.load(told.recipe), channels=CHANNELS)
    sizes = tuple(int(size) for size in told.sizes.split(",") if size)
    contenders = make_contenders(told.schemes.split(","), recipe, run.registry, without=(), sizes=sizes)
    workspace = open_workspace(recipe, None, run)
    setting = attrs.evolve(prepare(None, recipe, workspace, run), recipe=recipe)
    built = build_models(plan_models(recipe, run.registry, splits=("fit",)), workspace, run)
    zoo = Zoo(tuple(model for model in built.models if not built.facts(model).failed), workspace)
    derived = np.array([model.relation == "derived" for model in zoo.models])
    strata = np.array([model.stratum for model in zoo.models])
    print(f"{derived.sum()} thefts and {(~derived).sum()} independent models of {told.recipe}, {FOLDS} folds\n")
    print(
        "| scheme | queries | channel | AUC | AUC, lowest stratum | thefts above all of it |\n|---|---|---|---|---|---|"
    )
    for contender in contenders:
        found = by_folds(setting, contender.method, zoo, FOLDS, on_event=lambda event: None)
        for channel, views in found.views.items():
            scores = views.mean(1)
            areas = {name: auc(scores[derived], scores[strata == name]) for name in set(strata[~derived])}
            hardest = min(areas, key=lambda name: areas[name])
            above = int((scores[derived] > scores[strata == hardest].max()).sum())
            cells = [f"{auc(scores[derived], scores[~derived]):.3f}", f"{areas[hardest]:.3f} (`{hardest}`)"]
            cells.append(f"{above} of {derived.sum()}")
            print(f"| `{contender.name}` | {found.queries} | `{channel}` | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
