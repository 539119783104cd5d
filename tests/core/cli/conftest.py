"""Where the commands of the tests run."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def here(tmp_path, monkeypatch, tiny_store) -> Path:
    """An empty current folder, with the shared store as the user's."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FPFRAME_HOME", str(tiny_store))
    return tmp_path
