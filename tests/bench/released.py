"""Change one setting at a time between the paper's method as its first author released it and as fpframe has it.

    python tests/bench/released.py --recipe small --seed 7 --data-root DIR --seeds 3
    python tests/bench/released.py --recipe tiny

DIR holds FashionMNIST. Every scheme is compared on the models of `fit` alone, each scored by an encoder that was made
without its fold of families. No model that calibrates or tests a verdict is looked at, so a setting may be chosen by
this. It prints two tables in Markdown: the AUC of each scheme and how far that is from the scheme that it is a change
of, as means over the seeds; and how many images of the pool each perturbation fools.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path

import attrs
import numpy as np
import torch

import fpframe
from fpframe.base import ignore
from fpframe.comparison.contenders import make_contenders
from fpframe.comparison.rounds import by_folds
from fpframe.decision import Beaten, area_over_zoos, difference_test, holm, kernel, mean_of_views
from fpframe.enrolment import Method, ask_zoo
from fpframe.enrolment.queries import fooling_rate
from fpframe.interfaces import ComponentSpec, Scheme
from fpframe.recipe import Recipe, Run
from fpframe.zoo import Setting, Zoo, build_models, open_workspace, plan_models, prepare

THEIRS, OURS, CONTROL = "uap-released", "uap-contrastive", "random-sign"
#: What each row of the page's table sets of the encoder; the row `UAP` sets the perturbation.
ROWS = {
    "features": ("features",),
    "encoder": ("hidden", "embedding", "last_relu"),
    "loss": ("loss", "temperature"),
    "labels": ("victim_alone",),
    "training": ("learning_rate", "weight_decay", "batch_size", "steps"),
    "reference": ("against_first_view",),
    "UAP": (),
}


@attrs.frozen
class Change:
    """A scheme, and the one that it is a change of, by name; the two ends of the way are changes of none."""

    scheme: Scheme
    of: str | None = None


def changes(registry: fpframe.Registry) -> list[Change]:
    """Return both ends, one setting of the other end in each, their settings replaced one after the other, controls."""
    control = registry.get("scheme", CONTROL)
    rows = list(ROWS)
    found = [Change(mixed(registry, THEIRS, rows))]
    found += [Change(mixed(registry, f"{THEIRS}, our {row}", set(rows) - {row}), THEIRS) for row in rows]
    for count in range(2, len(rows)):
        name = f"{THEIRS}, our {rows[0]} to {rows[count - 1]}"
        found.append(Change(mixed(registry, name, rows[count:]), THEIRS))
    found.append(Change(mixed(registry, OURS, ()), THEIRS))
    found += [Change(mixed(registry, f"{OURS}, their {row}", [row]), OURS) for row in rows]
    signs = attrs.evolve(mixed(registry, f"{THEIRS}, random signs", rows), parts=control.parts)
    return [*found, Change(signs, THEIRS), Change(control, OURS)]


def mixed(registry: fpframe.Registry, name: str, theirs: Iterable[str]) -> Scheme:
    """Return the scheme that has some rows of the table from the release, and the others from fpframe."""
    theirs = set(theirs)
    released, ours = (registry.get("scheme", each) for each in (THEIRS, OURS))
    params = {key: released.encoder.params[key] for row, keys in ROWS.items() if row in theirs for key in keys}
    return attrs.evolve(
        ours,
        name=name,
        parts=(released if "UAP" in theirs else ours).parts,
        encoder=ComponentSpec(ours.encoder.name, params),
    )


def scores(setting: Setting, method: Method, zoo: Zoo, *, seeds: int, folds: int, channel: str) -> np.ndarray:
    """Return the scores ``(S, M)`` of all models, each by what was made without its fold."""
    rows = []
    for at in _seeded(setting, seeds):
        found = by_folds(at, method, zoo, folds, on_event=ignore)
        rows.append([mean_of_views(views) for views in found.views[channel]])
    return np.array(rows)


def fooled(setting: Setting, method: Method, zoo: Zoo, *, seeds: int) -> list[float]:
    """Return the share of the pool's images that change their label under the perturbation, for each seed."""
    pool, victim = setting.workspace.parts.pool, setting.victim.classifier
    nobody = Zoo((), zoo.workspace)
    asked = [ask_zoo(at, method, nobody, keep=True) for at in _seeded(setting, seeds)]
    return [fooling_rate(victim, pool, each.questions.deltas[0]) for each in asked]


def _seeded(setting: Setting, seeds: int) -> list[Setting]:
    recipe = setting.recipe
    queries = [attrs.evolve(recipe.queries, seed=recipe.enrolment_seed + number) for number in range(seeds)]
    return [attrs.evolve(setting, recipe=attrs.evolve(recipe, queries=each)) for each in queries]


def area_table(found: dict[str, np.ndarray], of: dict[str, str | None], zoo: Zoo) -> list[str]:
    """Return the rows of the first table."""
    sides = [[n for n, model in enumerate(zoo.models) if model.relation == kind] for kind in ("derived", "independent")]
    families = [[zoo.models[number].family for number in side] for side in sides]
    beaten = {name: kernel(each[:, sides[0]], each[:, sides[1]]) for name, each in found.items()}
    tests = {name: difference_test(beaten[name], beaten[end], *families) for name, end in of.items() if end is not None}
    p_values = dict(zip(tests, holm([test.p_value for test in tests.values()]), strict=True))
    lines = ["| scheme | AUC | less that of | difference | p |", "|---|---|---|---|---|"]
    for name, each in beaten.items():
        cells = [f"`{name}`" if of[name] is None else name]
        area, interval = area_over_zoos([Beaten(kernel=each, positive=families[0], negative=families[1])])
        cells.append(f"{area:.3f} {_interval(interval, '.3f')}")
        if name in tests:
            test = tests[name]
            cells += [f"`{of[name]}`", f"{test.difference:+.3f} {_interval(test.interval, '+.3f')}"]
            cells.append(f"{p_values[name]:.2g}")
        lines.append(f"| {' | '.join([*cells, *[''] * (5 - len(cells))])} |")
    return lines


def _interval(interval: tuple[float, float], form: str) -> str:
    return f"[{interval[0]:{form}}, {interval[1]:{form}}]"


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", default="small", help="a preset, or a TOML file")
    parser.add_argument("--data-root", type=Path, help="folder with the data")
    parser.add_argument("--store", type=Path, help="folder for models and answers")
    parser.add_argument("--seed", type=int, help="of the zoo; the recipe's by default")
    parser.add_argument("--seeds", type=int, default=3, help="enrolments of each scheme")
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--channel", default="probs", help="what the models reveal")
    told = parser.parse_args()
    torch.set_num_threads(1)
    run = Run(data_root=told.data_root, store=told.store)
    recipe = Recipe.of(told.recipe, seed=told.seed, channels=(told.channel,))
    listed = changes(run.registry)
    contenders = make_contenders([each.scheme for each in listed], recipe, run.registry, without=(), sizes=())
    workspace = open_workspace(recipe, None, run)
    setting = attrs.evolve(prepare(None, recipe, workspace, run), recipe=recipe)
    built = build_models(plan_models(recipe, run.registry, splits=("fit",)), workspace, run)
    zoo = Zoo(tuple(model for model in built.models if not built.facts(model).failed), workspace)
    found = {}
    for contender in contenders:
        print(contender.name, file=sys.stderr, flush=True)
        found[contender.name] = scores(
            setting, contender.method, zoo, seeds=told.seeds, folds=told.folds, channel=told.channel
        )
    derived = sum(model.relation == "derived" for model in zoo.models)
    print(
        f"{derived} thefts and {len(zoo.models) - derived} independent models of `fit` of `{told.recipe}`, "
        f"{told.folds} folds, {told.seeds} seeds, channel `{told.channel}`\n"
    )
    print("\n".join(area_table(found, {each.scheme.name: each.of for each in listed}, zoo)))
    print(f"\n| perturbation of | fools, of {len(workspace.parts.pool)} images of the pool |\n|---|---|")
    for contender in contenders:
        if contender.name in (THEIRS, OURS, CONTROL):
            rates = fooled(setting, contender.method, zoo, seeds=told.seeds)
            print(f"| `{contender.name}` | {', '.join(f'{rate:.3f}' for rate in rates)} |")


if __name__ == "__main__":
    main()
