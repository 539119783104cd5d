"""The log of a case: attempts are numbered, one that was interrupted is made again, and no line can be taken out."""

from __future__ import annotations

import pytest

from fpframe.evidence import EvidenceError, Log

ROOT, BEACON, DIGEST = "ab" * 32, "5f" * 32, "cd" * 32


def after(*events):
    log = Log(root=ROOT)
    for event, attempt in events:
        log = log.with_entry(event, attempt, BEACON, enrolment=DIGEST if event == "finished" else "")
    return log


TWICE = (("started", 1), ("started", 1), ("finished", 1), ("started", 2), ("finished", 2))


@pytest.mark.parametrize(
    ("events", "attempt"), [((), 1), (TWICE[:1], 1), (TWICE[:2], 1), (TWICE[:3], 2), (TWICE[:4], 2), (TWICE, 3)]
)
def test_an_attempt_that_did_not_end_is_made_again(events, attempt):
    log = after(*events)
    assert Log.parse(log.to_bytes(), root=ROOT) == log
    assert log.next_attempt(BEACON, allowed=3) == attempt


def test_more_attempts_than_are_allowed_or_another_beacon_are_refused():
    with pytest.raises(EvidenceError, match=r"allows 2 enrolments.*\[attempts-spent\]"):
        after(*TWICE).next_attempt(BEACON, allowed=2)
    with pytest.raises(EvidenceError, match=r"\[beacon-differs\]"):
        after(*TWICE[:1]).next_attempt("00" * 32, allowed=2)


def test_no_line_can_be_changed_taken_out_or_moved():
    log = after(*TWICE)
    lines = log.to_bytes().splitlines(keepends=True)
    assert log.head != after(*TWICE[:4]).head
    damaged = [lines[1:], lines[:1] + lines[2:], [lines[1], lines[0], *lines[2:]], [*lines, lines[0]]]
    damaged += [[line.replace(b'"attempt":2', b'"attempt":3') for line in lines]]
    for content in damaged:
        with pytest.raises(EvidenceError, match=r"\[log-damaged\]"):
            Log.parse(b"".join(content), root=ROOT)
    with pytest.raises(EvidenceError, match=r"\[log-damaged\]"):
        Log.parse(log.to_bytes(), root=DIGEST)


@pytest.mark.parametrize(
    "events",
    [(("finished", 1),), (("started", 2),), (("started", 1), ("started", 2)), (*TWICE[:3], ("finished", 1))],
    ids=["ends", "second", "skips", "twice"],
)
def test_lines_in_an_order_that_cannot_be_are_refused_although_they_follow_one_another(events):
    with pytest.raises(EvidenceError, match=r"in the wrong place.*\[log-damaged\]"):
        Log.parse(after(*events).to_bytes(), root=ROOT)


@pytest.mark.parametrize("content", [b"{}\n", b"[]\n", b"\n", b"\xff\n", b'{"at":1,"at":2}\n'])
def test_what_is_no_log_is_refused(content):
    with pytest.raises(EvidenceError, match=r"\[log-damaged\]"):
        Log.parse(content, root=ROOT)
