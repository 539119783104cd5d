"""How fast the zoo is built, by two versions of fpframe in turn, and whether the models are as good.

    git worktree add ../before REF
    python tests/bench/zoo_speed.py --before ../before --data-root DIR --workers 1 --workers 2

Builds the sixty models of zoo-sixty.toml with the code of another checkout and with this one: split by split in turn,
so that a slow quarter of an hour of the machine meets both, with each number of workers, each time into an empty store.
Prints models per minute, what an architecture takes, and the accuracy of each stratum, as tables in Markdown. Other
work on the machine must rest.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parents[2]
RECIPE = Path(__file__).with_name("zoo-sixty.toml")
SPLITS = ("fit", "calibrate", "test")

Row = dict[str, Any]


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--before", type=Path, required=True, help="a checkout of the other version")
    parser.add_argument("--data-root", type=Path, required=True, help="folder with FashionMNIST")
    parser.add_argument("--workers", type=int, action="append", help="may be given several times")
    parser.add_argument("--recipe", type=Path, default=RECIPE, help="a part of a recipe that takes less long")
    parser.add_argument("--splits", nargs="+", default=SPLITS, help="splits to build; all by default")
    options = parser.parse_args()
    versions = {"before": options.before.resolve(), "now": HERE}
    for workers in options.workers or [1, 2]:
        with tempfile.TemporaryDirectory() as folder:
            stores = {name: Path(folder, name) for name in versions}
            seconds = dict.fromkeys(versions, 0.0)
            arguments = [str(options.recipe.resolve()), "--data-root", str(options.data_root.resolve())]
            for split in options.splits:
                for name, code in versions.items():
                    started = time.monotonic()
                    build = ["zoo", "build", *arguments, "--splits", split, "--workers", str(workers)]
                    fpframe(code, stores[name], *build)
                    seconds[name] += time.monotonic() - started
                    print(f"{workers} worker(s), {split}, {name}: {time.monotonic() - started:.0f} s", file=sys.stderr)
            listed = {
                name: json.loads(
                    fpframe(code, stores[name], "zoo", "list", *arguments, "--splits", *options.splits, "--json")
                )
                for name, code in versions.items()
            }
        print(report(workers, listed, seconds), flush=True)


def fpframe(code: Path, store: Path, *arguments: str) -> str:
    """Run a command with the code of a checkout, and return what it prints."""
    paths = os.pathsep.join([str(code), str(code / "plugins")])
    environment = {**os.environ, "PYTHONPATH": paths, "FPFRAME_HOME": str(store), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "fpframe", *arguments]
    return subprocess.run(command, env=environment, cwd=code, check=True, capture_output=True, text=True).stdout


def report(workers: int, listed: dict[str, list[Row]], seconds: dict[str, float]) -> str:
    """Return three tables: models per minute, seconds of each architecture, and accuracy of each stratum."""
    rate = {name: 60 * len(listed[name]) / seconds[name] for name in listed}
    lines = [
        f"{len(listed['now'])} models, {workers} worker(s)",
        "",
        "| | before | now | ratio |",
        "|---|---|---|---|",
        f"| models per minute | {rate['before']:.2f} | {rate['now']:.2f} | {rate['now'] / rate['before']:.2f} |",
    ]
    for backbone in sorted({row["backbone"] for row in listed["now"]}):
        before, now = (
            sum(row["seconds"] or 0 for row in rows if row["backbone"] == backbone) for rows in listed.values()
        )
        lines.append(f"| `{backbone}`, seconds of all its models | {before:.0f} | {now:.0f} | {before / now:.2f} |")
    lines += ["", "| accuracy | n | before | now | difference / its standard error |", "|---|---|---|---|---|"]
    for label, chosen in groups(listed["now"]):
        before, now = ([row["accuracy"] for row in rows if chosen(row)] for rows in listed.values())
        apart = [b - a for a, b in zip(before, now, strict=True)]  # model by model: the lineages are the same
        error = statistics.stdev(apart) / len(apart) ** 0.5 if len(apart) > 1 else float("nan")
        means = f"{statistics.mean(before):.4f} | {statistics.mean(now):.4f}"
        lines.append(f"| {label} | {len(now)} | {means} | {statistics.mean(apart):+.4f} / {error:.4f} |")
    return "\n".join([*lines, ""])


def groups(rows: list[Row]) -> list[tuple[str, Callable[[Row], bool]]]:
    """Return the strata and, as one, the thefts; each with a test for its rows."""
    strata = dict.fromkeys(row["stratum"] for row in rows if row["relation"] == "independent")
    found: list[tuple[str, Callable[[Row], bool]]] = [
        (name, lambda row, name=name: row["relation"] == "independent" and row["stratum"] == name) for name in strata
    ]
    return [*found, ("thefts", lambda row: row["relation"] == "derived")]


if __name__ == "__main__":
    main()
