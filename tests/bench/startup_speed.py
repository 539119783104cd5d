"""What ``fpframe --help`` and ``fpframe verify`` of an ONNX file take, by two versions of fpframe in turn.

    git worktree add ../before REF
    pip install --no-deps --target ../before-site ../before
    pip install --no-deps --target ../now-site .
    python tests/bench/startup_speed.py --before ../before-site --now ../now-site

Each version is a folder that pip installed it into. The enrolment is of format 2, which both can read: the suspect is
opened and asked, and the verdict is that there can be none. The versions take turns, after one turn that does not
count. Prints a table: the medians of seconds on the clock, the least of them, and the medians of seconds that
the command and the processes that it waits for computed, which other work on the machine changes less.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

ENROLMENT = Path(__file__).resolve().parents[1] / "data/format-2/victim.enrolment"


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--before", type=Path, required=True, help="folder with the other version")
    parser.add_argument("--now", type=Path, required=True, help="folder with this version")
    parser.add_argument("--enrolment", type=Path, default=ENROLMENT, help="an enrolment on digits")
    parser.add_argument("--turns", type=int, default=15)
    options = parser.parse_args()
    versions = {"before": options.before.resolve(), "now": options.now.resolve()}
    with tempfile.TemporaryDirectory() as folder:
        suspect = Path(folder, "suspect.onnx")
        write_suspect(suspect)
        commands = {
            "`fpframe --help`": ["--help"],
            "`fpframe verify`, ONNX": ["verify", str(options.enrolment.resolve()), str(suspect)],
        }
        print("| | before, s | now, s | ratio | before, least | now, least | before, computed | now, computed |")
        print("|---|---|---|---|---|---|---|---|")
        for name, command in commands.items():
            taken: dict[str, list[tuple[float, float]]] = {version: [] for version in versions}
            for _ in range(options.turns + 1):
                for version, code in versions.items():
                    taken[version].append(measured(code, Path(folder, version), command))
            print(row(name, {version: times[1:] for version, times in taken.items()}), flush=True)


def write_suspect(path: Path) -> None:
    """Write an innocent classifier of digits."""
    images, labels = load_digits(return_X_y=True)
    found = LogisticRegression(max_iter=300).fit(images / 16, labels)
    nodes = [
        helper.make_node("Flatten", ["images"], ["rows"]),
        helper.make_node("Gemm", ["rows", "weight", "bias"], ["logits"], transB=1),
    ]
    graph = helper.make_graph(
        nodes,
        "suspect",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["count", 1, 8, 8])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["count", 10])],
        [
            numpy_helper.from_array(found.coef_.astype(np.float32), "weight"),
            numpy_helper.from_array(found.intercept_.astype(np.float32), "bias"),
        ],
    )
    onnx.save_model(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)


def measured(code: Path, cache: Path, command: list[str]) -> tuple[float, float]:
    """Run a command with a version, and return the seconds that it took, and those that it computed."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(code),
        "FPFRAME_HOME": str(cache / "home"),
        "FPFRAME_PLUGIN_CACHE": str(cache / "plugins"),
        "OMP_NUM_THREADS": "1",
    }
    before, started = computed(), time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-P", "-m", "fpframe", *command], env=environment, capture_output=True, text=True, check=False
    )
    seconds = time.perf_counter() - started
    if "error" in done.stderr or not done.stdout:
        raise SystemExit(f"{code} failed: {done.stderr}")
    return seconds, computed() - before


def computed() -> float:
    """Return the seconds that ended processes of this one have computed."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def row(name: str, taken: dict[str, list[tuple[float, float]]]) -> str:
    """Return a line of the table."""
    clock = {version: [seconds for seconds, _ in times] for version, times in taken.items()}
    work = {version: statistics.median(seconds for _, seconds in times) for version, times in taken.items()}
    middle = {version: statistics.median(times) for version, times in clock.items()}
    cells = [middle["before"], middle["now"], middle["now"] / middle["before"]]
    cells += [min(clock["before"]), min(clock["now"]), work["before"], work["now"]]
    return f"| {' | '.join([name, *(f'{cell:.2f}' for cell in cells)])} |"


if __name__ == "__main__":
    main()
