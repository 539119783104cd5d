"""Let a fuzzer that sees which lines run look for inputs that a reader chokes on.

    pip install atheris
    PYTHONPATH=tests python tests/fuzz/run_atheris.py recipe -max_total_time=600

The first word is a target of `fuzz.targets`; the others are options of libFuzzer. What it finds is written to the
current folder as ``crash-...``; replay it with the file as an option.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["fpframe"]):
    from fuzz.targets import TARGETS, try_one

from fuzz.seeds import seeds


def main() -> None:
    """Run the fuzzer on the target that the command line names."""
    target, options = sys.argv[1], sys.argv[2:]
    if target not in TARGETS:
        sys.exit(f"unknown target '{target}'; known: {', '.join(TARGETS)}")
    with tempfile.TemporaryDirectory() as folder:
        for number, content in enumerate(seeds()[target]):
            (Path(folder) / str(number)).write_bytes(content)
        atheris.Setup([sys.argv[0], folder, *options], lambda content: try_one(target, content))
        atheris.Fuzz()


if __name__ == "__main__":
    main()
