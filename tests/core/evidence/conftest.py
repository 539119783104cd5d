"""The small case of `sworncase`, played once for each process."""

from __future__ import annotations

import shutil
from pathlib import Path

import attrs
import pytest

from fpframe.decision import levels
from sworncase import Sworn, make_key, play


@pytest.fixture(scope="session")
def sworn(tmp_path_factory: pytest.TempPathFactory) -> Sworn:
    """A case of one enrolment, which no test may change."""
    folder = tmp_path_factory.mktemp("sworn")
    for name in ("me", "auditor", "stranger"):
        make_key(folder, name)
    with pytest.MonkeyPatch.context() as patch:  # undone at once: other tests run in this process too
        patch.setattr(levels, "HIGHEST_ALPHA", 0.5)
        return play(folder)


@pytest.fixture
def copied(sworn: Sworn, tmp_path: Path) -> Sworn:
    """The case in a folder of the test's own, with the same store."""
    for name in ("case", "my.enrolment"):
        shutil.copytree(sworn.folder / name, tmp_path / name)
    for path in sworn.folder.glob("*.*"):
        if path.is_file():
            shutil.copy(path, tmp_path)
    (tmp_path / "store").symlink_to(sworn.folder / "store")
    return attrs.evolve(sworn, folder=tmp_path)
