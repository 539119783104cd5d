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

import attrs
import numpy as np
import torch
from deltas import BOTH, Kind, kinds, perturbed
from picture import sizes_svg
from scoring import READERS, ask_all, scored

import fpframe
from fpframe.comparison import ALL_THEFTS, KINDS, kind_of
from fpframe.decision import AreaTest, Beaten, area_over_zoos, difference_test, holm, kernel
from fpframe.recipe import Recipe
from fpframe.report.tables import markdown_table
from fpframe.rng import generator
from fpframe.zoo import Setting, Zoo, ZooModel, build_models, divide_families, open_workspace, plan_models, prepare
from fpframe_plugins.augmenters._dealing import margins

FOLDS = 4
#: How points come about, and how often: what is drawn at random is drawn a few times, and the AUC is the mean.
WAYS = {"random": 5, "chosen": 1}
COLUMNS = ("query", "points", "draw", "channel", "model", "relation", "kind", "family", "score")


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
    rows = table(told.out, told.open or list(known), splits[-1])
    with (told.out / f"table-{splits[-1]}.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    if not told.open:
        (told.out / "fit.svg").write_text(sizes_svg(rows))
    print(markdown_table(list(rows[0]), [list(row.values()) for row in rows]))


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
        for way, draw in ((way, draw) for way, draws in WAYS.items() for draw in range(draws)):
            found = scored(answered, learning, judged, registry, way, seed=seed + draw)
            for channel, scores in found.items():
                for model, score in scores.items():
                    about = [str(model.lineage), model.relation, kind_of(model, registry), model.family]
                    rows.append([label(kind), way, draw, channel, *about, f"{score:.6f}"])
    return rows


def some(zoo: Zoo, models: Sequence[ZooModel], relation: str, count: int = 8) -> list[fpframe.Classifier]:
    """Return a few models of a relation, spread over all kinds."""
    of = [model for model in models if model.relation == relation]
    return [zoo.load(of[len(of) * number // count]) for number in range(count)]


def table(out: Path, names: Sequence[str], split: str) -> list[dict[str, str]]:
    """Return AUCs by kind of theft against all independent models, and the difference of each kind from its control."""
    found = []
    for channel, way in ((channel, way) for channel in READERS for way in WAYS):
        sides = {}
        for name in names:
            with (out / f"{split}-{name.replace(' ', '-')}.csv").open(newline="") as file:
                rows = [row for row in csv.DictReader(file) if (row["channel"], row["points"]) == (channel, way)]
            sides[name] = Side.of(rows, "derived"), Side.of(rows, "independent")
        tests = {name: difference(*sides[name], *sides[control]) for name, control in controls(names).items()}
        adjusted = dict(zip(tests, holm([test.p_value for test in tests.values()]), strict=True))
        for name, (derived, independent) in sides.items():
            cells = {"channel": channel, "points": way, "query": name}
            for theft in (ALL_THEFTS, *(kind for kind in KINDS if kind in derived.kinds)):
                side = derived if theft == ALL_THEFTS else derived.only(theft)
                heading = f"{theft} ({len(side.kinds)} against {len(independent.kinds)})"
                cells[heading] = area_text(side, independent, interval=split == "test" or theft == ALL_THEFTS)
            above = float((derived.scores > independent.scores.max(1, keepdims=True)).sum(1).mean())
            cells["above all independent"] = f"{above:.3g}"
            test = tests.get(name)
            cells["less its control"] = "" if test is None else f"{test.difference:+.3f} {_text(test.interval, '+.2f')}"
            cells["p"] = "" if test is None else f"{adjusted[name]:.2g}"
            found.append(cells)
    return found


def controls(names: Sequence[str]) -> dict[str, str]:
    """Return what each kind of UAP is compared with: random signs of its size, among natural images where it is."""
    found = {}
    for name in names:
        if "UAP" in name:
            signs = f"{BOTH if name.startswith(BOTH) else ''}random signs {name.rpartition(' ')[2]}"
            if signs in names:
                found[name] = signs
    return found


def difference(derived: Side, independent: Side, others: Side, innocents: Side) -> AreaTest:
    """Return the difference of two AUCs on the same models, by DeLong's test with families as units."""
    areas = [kernel(a.scores, b.scores) for a, b in ((derived, independent), (others, innocents))]
    return difference_test(*areas, derived.families, independent.families)


@attrs.frozen(kw_only=True, eq=False)
class Side:
    """The models of a relation: their scores ``(S, M)`` in each draw, and their kinds and families."""

    scores: np.ndarray
    kinds: list[str]
    families: list[str]

    @classmethod
    def of(cls, rows: Sequence[dict[str, str]], relation: str) -> Side:
        """Read it from rows of the table, in which every draw has the models in the same order."""
        mine = [row for row in rows if row["relation"] == relation]
        draws = len({row["draw"] for row in mine})
        scores = np.array([[float(row["score"]) for row in mine if row["draw"] == str(draw)] for draw in range(draws)])
        first = [row for row in mine if row["draw"] == "0"]
        return cls(scores=scores, kinds=[row["kind"] for row in first], families=[row["family"] for row in first])

    def only(self, kind: str) -> Side:
        """Return the models of one kind."""
        rows = [number for number, each in enumerate(self.kinds) if each == kind]
        return Side(
            scores=self.scores[:, rows],
            kinds=[self.kinds[row] for row in rows],
            families=[self.families[row] for row in rows],
        )


def area_text(derived: Side, independent: Side, *, interval: bool) -> str:
    """Return an AUC, the mean over the draws, with its interval where that is wanted."""
    beaten = Beaten(
        kernel=kernel(derived.scores, independent.scores), positive=derived.families, negative=independent.families
    )
    area, (low, high) = area_over_zoos([beaten])
    return f"{area:.3f} {_text((low, high), '.2f')}" if interval else f"{area:.3f}"


def _text(interval: tuple[float, float], form: str) -> str:
    return f"[{interval[0]:{form}}, {interval[1]:{form}}]"


if __name__ == "__main__":
    main()
