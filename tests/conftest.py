"""One `tiny` zoo and enrolment, built once and shared by all tests and all pytest workers."""

from __future__ import annotations

import os

# two pytest workers with two threads each would wait for each other; set before torch is imported
os.environ.setdefault("OMP_NUM_THREADS", "1")

import atexit
import shutil
import tempfile

# what tests learn about plugins stays out of the user's cache; pytest's workers inherit it
if "FPFRAME_PLUGIN_CACHE" not in os.environ:
    os.environ["FPFRAME_PLUGIN_CACHE"] = tempfile.mkdtemp(prefix="fpframe-plugin-cache-")
    atexit.register(shutil.rmtree, os.environ["FPFRAME_PLUGIN_CACHE"], ignore_errors=True)

from pathlib import Path

import pytest
from filelock import FileLock
from xdist.scheduler import LoadScopeScheduling

import fpframe
from tiny import evaluate_tiny

if os.environ.get("FPFRAME_INSTALLED") == "1" and Path(fpframe.__file__).is_relative_to(Path(__file__).parents[1]):
    raise pytest.UsageError(
        f"FPFRAME_INSTALLED=1 says that the installed fpframe is to be tested, but Python found {fpframe.__file__}: "
        "install the wheel, and run the tests with python -P"
    )

#: Folders whose files stay on one worker each: all tests of a file look at one long result.
WHOLE_FILES = ("tests/core/paper/", "tests/test_docs_build.py")
#: Checks of one component stay on one worker, for they look at the same runs of it.
CHECKS = "tests/test_conformance.py::test_a_built_in_keeps_its_promises"


class ByFile(LoadScopeScheduling):
    """Send each test to the next free worker, but for those that stay together."""

    def _split_scope(self, nodeid: str) -> str:
        if nodeid.startswith(CHECKS):
            return nodeid.rpartition("-")[0]  # without the name of the check
        return nodeid.split("::")[0] if nodeid.startswith(WHOLE_FILES) else nodeid


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> ByFile:
    """Schedule tests; xdist's own groups have no effect under pytest 9."""
    return ByFile(config, log)


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all pytest workers of one run share."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base


@pytest.fixture(scope="session")
def tiny_store(shared_folder: Path) -> Path:
    """A store that holds every model of `tiny` with seed 0, of all splits."""
    folder = shared_folder / "tiny-store"
    with FileLock(shared_folder / "tiny-store.lock"):
        if not (folder / "done").exists():
            enrolment = fpframe.enroll(recipe="tiny", run=fpframe.Run(store=folder, workers=2))
            enrolment.save(shared_folder / "tiny.enrolment")
            evaluate_tiny(enrolment, folder, workers=2)
            (folder / "done").touch()
    return folder


@pytest.fixture(scope="session")
def tiny_enrolment(tiny_store: Path, shared_folder: Path) -> Path:
    """The enrolment of `tiny` with seed 0, as a folder that no test may change."""
    return shared_folder / "tiny.enrolment"


@pytest.fixture(scope="session")
def registry() -> fpframe.Registry:
    """The installed plugins."""
    return fpframe.load_registry()


@pytest.fixture(scope="session")
def digits(registry: fpframe.Registry) -> fpframe.Dataset:
    """The digits, which need no file."""
    return registry.create("dataset", "digits").open("", root=None)
