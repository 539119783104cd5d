"""How fast fpframe is beside the libraries that one would take instead, and how it grows.

    python tests/bench --data-root DIR --write docs/results/performance.md

Prints four tables in Markdown: each row of the first sets one part of fpframe beside another library, on the same
model and images, in this process, in turn, and takes medians; the second shows time and memory at one, four and sixteen
times the size; the third a step of training in each layout and precision; the fourth how long a service is asked,
beside a bare client. Everything runs on one thread. Other work on the machine must rest.
"""

from __future__ import annotations

import os

# before torch is imported, for the processes that are started from here too
os.environ["OMP_NUM_THREADS"] = "1"

import argparse
import platform
import sys
import time
from importlib.metadata import version
from pathlib import Path

from measuring import replaced

LIBRARIES = ("deepfool", "uap", "minimum", "contrastive", "extract", "startup")
GROWTH = "growth"
TRAINING = "training"
SERVICES = "services"


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parts = [*LIBRARIES, GROWTH, TRAINING, SERVICES]
    parser.add_argument("--only", choices=parts, action="append", help="may be given several times")
    parser.add_argument("--data-root", type=Path, help="folder with FashionMNIST; scikit-learn's digits without it")
    parser.add_argument("--images", type=int, default=128, help="for the perturbations of single images")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--write", type=Path, help="a page whose tables are replaced")
    options = parser.parse_args()
    chosen = options.only or parts
    tables = {}
    if GROWTH in chosen:  # first, for it forks, and a process that has computed cannot be forked
        from bench_growth import table

        tables[GROWTH] = table()
    if TRAINING in chosen:
        from bench_training import table as steps

        tables[TRAINING] = steps(repeats=options.repeats)
    if SERVICES in chosen:
        from bench_services import table as asking

        tables[SERVICES] = asking(repeats=options.repeats)
    if libraries := [name for name in LIBRARIES if name in chosen]:
        tables["libraries"] = compare(libraries, options)
    print("\n\n".join(tables.values()))
    if options.write:
        options.write.write_text(replaced(options.write.read_text(encoding="utf-8"), tables), encoding="utf-8")


def compare(names: list[str], options: argparse.Namespace) -> str:
    """Return the table of the libraries, and below it on what it was measured."""
    import bench_contrastive
    import bench_deepfool
    import bench_extract
    import bench_minimum
    import bench_startup
    import bench_uap
    import torch
    from libraries import DISTRIBUTIONS
    from material import describe, load
    from measuring import HEADINGS, markdown

    from fpframe.base.machine import machine_profile

    torch.set_num_threads(1)
    started = time.perf_counter()
    material, repeats = load(options.data_root), options.repeats
    work = {
        "deepfool": lambda: bench_deepfool.rows(material, images=options.images, repeats=repeats),
        "uap": lambda: bench_uap.rows(material, repeats=repeats),
        "minimum": lambda: bench_minimum.rows(material, images=options.images, repeats=repeats),
        "contrastive": lambda: bench_contrastive.rows(repeats=repeats),
        "extract": lambda: bench_extract.rows(material, repeats=repeats),
        "startup": lambda: bench_startup.rows(repeats=repeats),
    }
    rows = []
    for name in names:
        made = work[name]()
        rows += made
        # what is measured so far, for whoever waits
        print(*("  ".join(row.cells()) for row in made), sep="\n", file=sys.stderr, flush=True)
    versions = ", ".join(f"{name} {version(name)}" for name in DISTRIBUTIONS)
    machine = ", ".join(f"{key} {value}" for key, value in machine_profile().items())
    return (
        f"{markdown(HEADINGS, [row.cells() for row in rows])}\n\n"
        f"{describe(material)} Machine: {machine}, {os.cpu_count()} CPUs, {platform.system()}. Libraries: {versions}. "
        f"Medians of {repeats} turns; the whole took {time.perf_counter() - started:.0f} s."
    )


if __name__ == "__main__":
    main()
