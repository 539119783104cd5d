"""What three hundred models of other code are called beside three victims, and how many thieves are found.

    python tests/bench/strangers innocents --data-root DIR --out OUT
    python tests/bench/strangers thieves --victim 1 --data-root DIR --out OUT
    python tests/bench/strangers judge --victim 1 --scheme residual --data-root DIR --out OUT
    python tests/bench/strangers tables --data-root DIR --out OUT

DIR holds FashionMNIST. All that is made is kept in OUT and in fpframe's store, so that a command that was stopped goes
on where it was. Victim 1 is the preset `small`, victim 2 the preset `quick` with 19 models in each stratum, and
victim 3 an owner's own network with the same. The models do not depend on the victims, nor on what is found. With
`--first 96`, the first 96 innocents are taken, eight of each kind, where there is no time for all.
"""

from __future__ import annotations

import argparse
import multiprocessing
from functools import partial
from pathlib import Path

from innocents import COUNT
from judging import Lab, enroll, judge, make_innocents, make_thieves, wild_models
from tables import write_tables


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["innocents", "thieves", "enroll", "judge", "tables"])
    parser.add_argument("--data-root", type=Path, required=True, help="folder with FashionMNIST")
    parser.add_argument("--out", type=Path, required=True, help="folder for models and verdicts")
    parser.add_argument("--victim", type=int, choices=[1, 2, 3], default=1)
    parser.add_argument("--scheme", default="residual", help="a scheme's name, or a TOML file")
    parser.add_argument("--first", type=int, default=COUNT, help="so many innocents, in order of their numbers")
    parser.add_argument("--beside", type=Path, help="folder with tables of other enrolments, whose columns are kept")
    parser.add_argument("--workers", type=int, default=2)
    told = parser.parse_args()
    lab = Lab(told.data_root, told.out, told.first)
    if told.what == "innocents":
        with multiprocessing.get_context("spawn").Pool(told.workers) as pool:
            pool.starmap(make_innocents, [(lab, part, told.workers) for part in range(told.workers)])
        wild_models(lab, told.workers)
    elif told.what == "thieves":
        for mixed in (False, True):
            with multiprocessing.get_context("spawn").Pool(told.workers) as pool:
                pool.starmap(
                    partial(make_thieves, mixed=mixed),
                    [(lab, told.victim, part, told.workers) for part in range(told.workers)],
                )
    elif told.what == "enroll":
        enroll(lab, told.victim, told.scheme, told.workers)
    elif told.what == "judge":
        judge(lab, told.victim, told.scheme, told.workers)
    else:
        write_tables(lab, told.beside)


if __name__ == "__main__":
    main()
