"""Events: silent by default, and handed to the standard library's logging where that is asked for."""

from __future__ import annotations

import logging

from fpframe import Event, log_events
from fpframe.base.events import ignore


def test_events_become_log_records_with_a_level_by_their_kind(caplog):
    caplog.set_level(logging.DEBUG, logger="fpframe")
    log_events(Event(task="asking", done=2, total=5))
    log_events(Event(task="asking", done=2))
    log_events(Event(task="training", kind="note", text="100 % of it"))
    log_events(Event(task="training", kind="detail", text="one model"))
    assert [(record.name, record.levelname, record.getMessage()) for record in caplog.records] == [
        ("fpframe", "DEBUG", "asking: 2 of 5"),
        ("fpframe", "DEBUG", "asking: 2"),
        ("fpframe", "INFO", "100 % of it"),
        ("fpframe", "DEBUG", "one model"),
    ]


def test_without_a_listener_nothing_is_said(caplog, capsys):
    caplog.set_level(logging.DEBUG)
    ignore(Event(task="asking"))
    assert caplog.records == []
    assert capsys.readouterr() == ("", "")
