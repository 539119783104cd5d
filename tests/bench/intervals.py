"""How often intervals hold the true AUC, the true difference, and their means over zoos.

    python tests/bench/intervals.py

Scores of models in families are made up, so that the truth is known. Prints a table in Markdown for each of four: an
AUC, the difference of two schemes on the same models, and both over several zoos. A row is a size; a cell is the lowest
and highest share of intervals, of 95 %, that hold the truth over AUCs from 0.8 to 0.998 and both shapes of scores, and
in brackets how long they are on average. Takes about five minutes.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from interval_candidates import around_area, around_difference, around_mean_area, around_mean_difference
from interval_draws import SHAPES, draw

#: Derived and independent families.
SIZES = ((10, 10), (10, 30), (20, 40), (60, 60))
AREAS = ((0.8,), (0.9,), (0.95,), (0.98,), (0.998,))
PAIRS = ((0.8, 0.8), (0.9, 0.8), (0.95, 0.95), (0.98, 0.95), (0.998, 0.95), (0.998, 0.998))
#: Families in each of several zoos.
IN_ZOO = (10, 30)
ZOOS = (2, 3, 5)
#: How far the shifts of zoos lie apart; by 0.8, an AUC of 0.8 on average is 0.63 to 0.92 in two zoos of three.
SPREADS = (0.0, 0.3, 0.8)
#: Rounding, at an interval that ends where the truth lies.
SLACK = 1e-9

Held = dict[str, list[tuple[float, float]]]


def coverage(
    rounds: int, truth: float, made: Callable[[np.random.Generator], dict[str, tuple[float, float]]]
) -> dict[str, tuple[float, float]]:
    """Return by candidate how often its intervals hold the truth, and how long they are."""
    source = np.random.default_rng(0)
    found = [made(source) for _ in range(rounds)]
    return {
        name: (
            float(np.mean([each[name][0] - SLACK <= truth <= each[name][1] + SLACK for each in found])),
            float(np.mean([each[name][1] - each[name][0] for each in found])),
        )
        for name in found[0]
    }


def one_zoo(areas: Sequence[tuple[float, ...]], rounds: int) -> Iterator[tuple[str, Held]]:
    """Yield for each size what the candidates cover in one zoo: of one scheme its AUC, of two their difference."""
    for size in SIZES:
        held: Held = {}
        for area in areas:
            around = around_area if len(area) == 1 else around_difference
            for shape in SHAPES:
                found = coverage(rounds, _truth(area), lambda s: around(draw(s, size, area, shape=shape)))  # noqa: B023
                _add(held, found)
        yield f"{size[0]} / {size[1]}", held


def many_zoos(areas: Sequence[tuple[float, ...]], rounds: int) -> Iterator[tuple[str, Held]]:
    """Yield the same over several zoos, for each number and each spread of zoos."""
    for count in ZOOS:
        for spread in SPREADS:
            held: Held = {}
            for area in areas:
                around = around_mean_area if len(area) == 1 else around_mean_difference
                for shape in SHAPES:
                    found = coverage(
                        rounds,
                        _truth(area),
                        lambda s: around([draw(s, IN_ZOO, area, shape=shape, spread=spread) for _ in range(count)]),  # noqa: B023
                    )
                    _add(held, found)
            yield f"{count} zoos, {spread:g}", held


def table(what: str, rows: Iterator[tuple[str, Held]]) -> Iterator[str]:
    """Yield the lines of a table, each as soon as it is measured."""
    for number, (name, held) in enumerate(rows):
        if not number:
            yield f"| {' | '.join([what, *held])} |"
            yield "|---" * (1 + len(held)) + "|"
        cells = [f"{min(h)[0]:.2f} to {max(h)[0]:.2f} ({np.mean([each[1] for each in h]):.2f})" for h in held.values()]
        yield f"| {' | '.join([name, *cells])} |"


def _truth(area: tuple[float, ...]) -> float:
    return area[0] if len(area) == 1 else area[0] - area[1]


def _add(held: Held, found: dict[str, tuple[float, float]]) -> None:
    for name, each in found.items():
        held.setdefault(name, []).append(each)


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=500, help="for each size, AUC and shape")
    parser.add_argument("--only", choices=("zoo", "zoos"), help="the tables of one zoo, or those of several")
    told = parser.parse_args()
    one = [("AUC: families", one_zoo(AREAS, told.rounds)), ("difference: families", one_zoo(PAIRS, told.rounds))]
    many = [
        ("mean AUC: zoos, spread", many_zoos(AREAS, told.rounds)),
        ("mean difference: zoos, spread", many_zoos(PAIRS, told.rounds)),
    ]
    for what, rows in {"zoo": one, "zoos": many}.get(told.only, [*one, *many]):
        for line in table(what, rows):
            print(line, flush=True)
        print()


if __name__ == "__main__":
    main()
