"""Progress: bars on a terminal, and a line now and then where there is none."""

from __future__ import annotations

import pytest

from fpframe.base.events import Event
from fpframe.cli import progress
from fpframe.cli.progress import ProgressBars


@pytest.fixture
def now(monkeypatch):
    time = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: time[0])
    return time


def test_a_log_gets_a_line_now_and_then_with_the_rate_and_the_time_left(now, capsys):
    with ProgressBars() as bars:
        for done in range(1, 7):
            now[0] += 20
            bars(Event(task="training models", done=done, total=60, left=600.0))
    lines = [line for line in capsys.readouterr().err.splitlines() if " of " in line]
    assert lines == [
        "training models: 3 of 60, 4.5 a minute, about 10 minutes left",
        "training models: 5 of 60, 3.8 a minute, about 10 minutes left",
    ]


def test_a_log_of_a_short_task_gets_no_line(now, capsys):
    with ProgressBars() as bars:
        bars(Event(task="asking models", done=1, total=2))
        now[0] += 5
        bars(Event(task="asking models", done=2, total=2))
    assert " of " not in capsys.readouterr().err


def test_a_task_that_begins_once_more_has_a_rate_of_its_own(now, capsys):
    with ProgressBars() as bars:
        for start in (0, 1000):
            for done in range(1, 4):
                now[0] = start + 20 * done
                bars(Event(task="training models", done=done, total=3))
    lines = [line for line in capsys.readouterr().err.splitlines() if " of " in line]
    assert lines == ["training models: 3 of 3, 4.5 a minute"] * 2
