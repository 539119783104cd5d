"""What is a universal perturbation good for? Queries of many kinds, equal in number, read by the same encoders.

    export PYTHONPATH=tests/bench/purpose
    python tests/bench/purpose --data-root DIR --out OUT
    python tests/bench/purpose --data-root DIR --out OUT --open "natural images" "UAP 16"

DIR holds FashionMNIST. Every kind of query changes the same 4000 images of the pool: the 2000 on which the victim is
least sure, and 2000 others. Of these, 100 are sent to a suspect: drawn at random, or chosen for telling thefts from
independent models. Probabilities are read by the encoder `residual`, and labels by `labels`. The first command looks at
the models of `fit` alone, each scored by points and encoders that were made without its fold of families. The second
one opens `test` for the kinds that you name, learns from all of `fit`, and belongs at the end.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Sequence
from pathlib import Path

import torch
from deltas import Kind, kinds, perturbed
from scoring import READERS, ask_all, scored

import fpframe
from fpframe.comparison import KINDS, kind_of
from fpframe.decision import Beaten, area_over_zoos, kernel
from fpframe.recipe import Recipe
from fpframe.rng import generator
from fpframe.zoo import Setting, Zoo, ZooModel, build_models, divide_families, open_workspace, plan_models, prepare
from fpframe_plugins.augmenters._dealing import margins

FOLDS = 4
WAYS = ("random", "chosen")
COLUMNS = ("query", "points", "channel", "model", "relation", "kind", "family", "score")


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-root", type=Path, required=True, help="folder with FashionMNIST")
    parser.add_argument("--out", type=Path, required=True, help="folder for the scores")
    parser.add_argument("--recipe", default="small")
    parser.add_argument("--seed", type=int, default=7, help="of the zoo")
    parser.add_argument("--open", nargs="+", default=[], metavar="QUERY", help="look at `test`, for these kinds alone")
    told = parser.parse_args()
    torch.set_num_threads(1)
    told.out.mkdir(parents=True, exist_ok=True)
    run = fpframe.Run(data_root=told.data_root)
    recipe = Recipe.of(told.recipe, seed=told.seed, channels=tuple(READERS))
    workspace = open_workspace(recipe, None, run)
    setting = prepare(None, recipe, workspace, run)
    splits = ("fit", "test") if told.open else ("fit",)
    built = build_models(plan_models(recipe, run.registry, splits=splits), workspace, run)
    zoo = Zoo(tuple(model for model in built.models if not built.facts(model).failed), workspace)
    known = {label(kind): kind for kind in kinds()}
    unknown = [name for name in told.open if name not in known]
    if unknown:
        parser.error(f"no query '{unknown[0]}'; there are {', '.join(known)}")
    images, craft = candidates(setting, seed=told.seed)
    for name in told.open or known:
        path = told.out / f"{'test' if told.open else 'fit'}-{name.replace(' ', '-')}.csv"
        if not path.exists():
            print(name, file=sys.stderr, flush=True)
            rows = look(known[name], setting, zoo, images, craft, opened=bool(told.open), seed=told.seed)
            with path.open("w", newline="") as file:
                writer = csv.writer(file)
                writer.writerows([COLUMNS, *rows])
    print("\n".join(table(told.out, told.open or list(known), "test" if told.open else "fit")))


def label(kind: Kind) -> str:
    """Return the name of a kind of query."""
    return f"{kind.name} {kind.epsilon}" if kind.epsilon else kind.name


def candidates(setting: Setting, *, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the 8-bit images that are changed and sent, and those that perturbations are made on."""
    pool, victim = setting.workspace.parts.pool, setting.victim.classifier
    _, margin = margins(victim, pool.stream)
    order = margin.argsort(stable=True)
    drawn = order[2000:][torch.randperm(len(order) - 2000, generator=generator(seed, "candidates"))]
    of = [pool.view.part(part).tensor() for part in (torch.cat([order[:2000], drawn[:2000]]), drawn[2000:6000])]
    return of[0], of[1]


def look(
    kind: Kind, setting: Setting, zoo: Zoo, images: torch.Tensor, craft: torch.Tensor, *, opened: bool, seed: int
) -> list[list[object]]:
    """Return a row for each model, channel and way to choose points."""
    places = {} if opened else divide_families(zoo.models, FOLDS, seed=seed)
    registry, victim = setting.workspace.registry, setting.victim.classifier
    rows, answered = [], None
    for fold in range(1 if opened else FOLDS):
        judged = [model for model in zoo.models if (model.split == "test" if opened else places[model.family] == fold)]
        learning = [model for model in zoo.models if model not in set(judged)]
        if answered is None or kind.learns:
            moved = perturbed(
                kind,
                victim,
                images,
                craft,
                derived=some(zoo, learning, "derived") if kind.learns else (),
                independent=some(zoo, learning, "independent") if kind.learns else (),
                seed=seed,
            )
            answered = ask_all(zoo, victim, moved)
        for way in WAYS:
            found = scored(answered, learning, judged, registry, way, seed=seed)
            for channel, scores in found.items():
                for model, score in scores.items():
                    about = [str(model.lineage), model.relation, kind_of(model, registry), model.family]
                    rows.append([label(kind), way, channel, *about, f"{score:.6f}"])
    return rows


def some(zoo: Zoo, models: Sequence[ZooModel], relation: str, count: int = 8) -> list[fpframe.Classifier]:
    """Return a few models of a relation, spread over all kinds."""
    of = [model for model in models if model.relation == relation]
    return [zoo.load(of[len(of) * number // count]) for number in range(count)]


def table(out: Path, names: Sequence[str], split: str) -> list[str]:
    """Return AUCs by kind of theft against all independent models."""
    rows = []
    for name in names:
        with (out / f"{split}-{name.replace(' ', '-')}.csv").open(newline="") as file:
            rows += list(csv.DictReader(file))
    lines = []
    for channel, encoder in READERS.items():
        for way in WAYS:
            part = [row for row in rows if (row["channel"], row["points"]) == (channel, way)]
            thefts = [kind for kind in KINDS if any(row["kind"] == kind for row in part)]
            lines += [f"\nChannel `{channel}`, encoder `{encoder}`, points {way}\n"]
            lines += [f"| query | all thefts | {' | '.join(thefts)} | above all |", "|---" * (len(thefts) + 3) + "|"]
            for name in names:
                mine = [row for row in part if row["query"] == name]
                innocent = [row for row in mine if row["relation"] == "independent"]
                most = max(float(row["score"]) for row in innocent)
                cells = []
                for theft in (None, *thefts):
                    side = [row for row in mine if row["relation"] == "derived" and theft in (None, row["kind"])]
                    cells.append(area_text(side, innocent, interval=split == "test" or theft is None))
                above = [row for row in mine if row["relation"] == "derived" and float(row["score"]) > most]
                cells.append(f"{len(above)} of {sum(row['relation'] == 'derived' for row in mine)}")
                lines.append(f"| {name} | {' | '.join(cells)} |")
    return lines


def area_text(derived: list[dict[str, str]], independent: list[dict[str, str]], *, interval: bool) -> str:
    """Return an AUC, with its interval where it is wanted."""
    sides = [torch.tensor([[float(row["score"]) for row in side]]).numpy() for side in (derived, independent)]
    families = [[row["family"] for row in side] for side in (derived, independent)]
    beaten = Beaten(kernel=kernel(*sides), positive=families[0], negative=families[1])
    area, (low, high) = area_over_zoos([beaten])
    return f"{area:.3f} [{low:.2f}, {high:.2f}]" if interval else f"{area:.3f}"


if __name__ == "__main__":
    main()
