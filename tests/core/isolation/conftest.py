"""Suspects as users open them: each command starts the process that theirs are forked from."""

from __future__ import annotations

import pytest

from fpframe.isolation.template import Template


@pytest.fixture(autouse=True)
def template_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fpframe.isolation.ownprocess.Template", Template)
