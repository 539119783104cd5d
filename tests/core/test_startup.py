"""What is imported before anything is asked for; the times that follow from it stand in docs/results/performance.md."""

from __future__ import annotations

import subprocess
import sys

import pytest

#: Each takes longer to import than all of fpframe's command line.
HEAVY = {"torch", "torchvision", "timm", "sklearn", "scipy", "matplotlib", "numpy", "onnxruntime", "ray", "submitit"}
#: What only commands need.
COMMANDS = {"attr", "attrs", "cattrs", "cyclopts", "jinja2", "pluggy", "rich"}


def imported_by(code: str) -> set[str]:
    """Return the top-level modules that a new interpreter has after running `code`."""
    report = "print(*{name.partition('.')[0] for name in sys.modules}, file=sys.stderr)"
    script = f"import sys\ntry:\n    {code}\nfinally:\n    {report}"
    ended = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    return set(ended.stderr.split())


def test_importing_fpframe_imports_nothing_heavy_and_no_command_line():
    modules = imported_by("import fpframe")
    assert "fpframe" in modules
    assert modules & (HEAVY | COMMANDS) == set()


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_help_and_version_import_nothing_heavy(option):
    modules = imported_by(f"from fpframe.cli import main; main(['{option}'])")
    assert "cyclopts" in modules
    assert modules & HEAVY == set()


def test_a_name_that_needs_torch_imports_it_when_it_is_used():
    assert "torch" in imported_by("import fpframe; fpframe.Classifier")


#: Notes what an import must leave, imports all of fpframe and every built-in, and says what has changed.
SIDE_EFFECTS = """
import importlib, logging, os, pkgutil, random, signal, sys, threading, warnings
import numpy, torch

def state():
    root = logging.getLogger()
    return {
        "torch's random state": torch.get_rng_state().numpy().tobytes(),
        "numpy's random state": str(numpy.random.get_state()),
        "python's random state": random.getstate(),
        "torch's threads": (torch.get_num_threads(), torch.get_num_interop_threads()),
        "default dtype": torch.get_default_dtype(),
        "deterministic mode": torch.are_deterministic_algorithms_enabled(),
        "CUDA": torch.cuda.is_initialized(),
        "root logger": (root.level, list(root.handlers)),
        "signal handlers": [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)],
        "environment": {name: os.environ[name] for name in os.environ if name.startswith(("OMP", "CUDA", "FPFRAME"))},
        "threads": threading.active_count(),
        "current folder": os.getcwd(),
    }

before = state()
import fpframe
for module in pkgutil.walk_packages(fpframe.__path__, "fpframe."):
    # the command line owns its process; rich, which it prints with, draws a random number at import
    if "__main__" not in module.name and not module.name.startswith("fpframe.cli"):
        with warnings.catch_warnings():  # modules under a former name say so
            warnings.simplefilter("ignore", fpframe.FpframeDeprecationWarning)
            importlib.import_module(module.name)
registry = fpframe.load_registry()
for info in registry.plugins:
    for kind, name in info.components:
        registry.get(kind, name)
after = state()
assert {"fpframe_plugins.perturbations.uap", "fpframe_plugins.backbones.timm"} <= set(sys.modules)
print([name for name in before if before[name] != after[name]])
"""


@pytest.mark.slow
def test_importing_everything_and_every_built_in_has_no_side_effects():
    ended = subprocess.run(
        [sys.executable, "-W", "error", "-c", SIDE_EFFECTS], capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "[]\n", "")
