"""One `tiny` zoo and enrolment, built once and shared by all tests and all pytest workers."""

from __future__ import annotations

import os

# two pytest workers with two threads each would wait for each other; set before torch is imported
os.environ.setdefault("OMP_NUM_THREADS", "1")

import atexit
import shutil
import tempfile
from collections.abc import Iterator

# what tests learn about plugins stays out of the user's cache; pytest's workers inherit it
if "FPFRAME_PLUGIN_CACHE" not in os.environ:
    os.environ["FPFRAME_PLUGIN_CACHE"] = tempfile.mkdtemp(prefix="fpframe-plugin-cache-")
    atexit.register(shutil.rmtree, os.environ["FPFRAME_PLUGIN_CACHE"], ignore_errors=True)

from functools import cache
from pathlib import Path

import pytest
from filelock import FileLock
from xdist.scheduler import LoadScopeScheduling

import fpframe
from fpframe.decision import levels
from onetemplate import kept_template
from tiny import evaluate_tiny

if os.environ.get("FPFRAME_INSTALLED") == "1" and Path(fpframe.__file__).is_relative_to(Path(__file__).parents[1]):
    raise pytest.UsageError(
        f"FPFRAME_INSTALLED=1 says that the installed fpframe is to be tested, but Python found {fpframe.__file__}: "
        "install the wheel, and run the tests with python -P"
    )

ROOT = Path(__file__).parents[1]
#: Checks of one component stay on one worker, for they look at the same runs of it.
CHECKS = "tests/test_conformance.py::test_a_built_in_keeps_its_promises"
#: Taken first by one worker, which has the store of `tiny` made; meanwhile the other one does what needs no store.
FIRST = "tests/core/paper/test_transfer.py"
#: Taken first of what needs the store, so that no worker is left with a long test when the other has nothing to do.
LONGEST = ("tests/plugins/backbones/test_timm_end_to_end.py", "tests/core/comparison/", "tests/test_docs.py")


#: Tests of one case, which takes seconds to play: each worker would play it anew.
CASE = "tests/core/evidence/"


class ByFile(LoadScopeScheduling):
    """Send each test to the next free worker, but for those that stay together."""

    def _split_scope(self, nodeid: str) -> str:
        if nodeid.startswith(CHECKS):
            return nodeid.rpartition("-")[0]  # without the name of the check
        if nodeid.startswith(CASE):
            return CASE
        file = _file(nodeid)
        return file if _shares_fixtures(file) else nodeid


@cache
def _shares_fixtures(file: str) -> bool:
    """Tell whether tests of a file share what one of them makes: on two workers it would be made twice."""
    return 'scope="module"' in (ROOT / file).read_text(encoding="utf-8")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests of two workers into an order in which neither waits for the other; files stay whole."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        return
    stored = {_file(item.nodeid) for item in items if "tiny_store" in getattr(item, "fixturenames", ())}

    def place(item: pytest.Item) -> tuple[bool, bool, bool]:
        file = _file(item.nodeid)
        return file != FIRST, file in stored, not file.startswith(LONGEST)

    items.sort(key=place)


def _file(nodeid: str) -> str:
    return nodeid.partition("::")[0]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> ByFile:
    """Schedule tests in the order above; xdist's own groups have no effect under pytest 9."""
    config.option.loadscopereorder = False
    return ByFile(config, log)


@pytest.fixture(scope="session", autouse=True)
def one_template() -> Iterator[None]:
    """Fork the suspects of all tests from one process; those of `isolation` are about how it starts and ends."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("fpframe.isolation.ownprocess.Template", kept_template)
        yield


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


@pytest.fixture(scope="module")
def few_models() -> Iterator[None]:
    """Let the tests of a module enroll on one model of each stratum, which allows no level below one half."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(levels, "HIGHEST_ALPHA", 0.5)
        yield


@pytest.fixture(scope="session")
def registry() -> fpframe.Registry:
    """The installed plugins."""
    return fpframe.load_registry()


@pytest.fixture(scope="session")
def digits(registry: fpframe.Registry) -> fpframe.Dataset:
    """The digits, which need no file."""
    return registry.create("dataset", "digits").open("", root=None)
