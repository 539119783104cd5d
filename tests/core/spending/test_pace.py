"""A rate holds over all threads, and a service that asks to wait is waited for."""

from __future__ import annotations

import pytest

import fpframe
from fpframe.spending import Pace, Terms, per_second


class Clock:
    """Time that passes only while somebody waits."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def paced(rate, last=None):
    clock = Clock()
    return clock, Pace(rate, last=last, clock=clock, sleep=clock.sleep)


def test_requests_are_as_far_apart_as_the_rate_says():
    clock, pace = paced(2)
    at = []
    for _ in range(4):
        pace.wait()
        at.append(clock.now)
    assert at == [100, 100.5, 101, 101.5]


def test_a_run_that_goes_on_keeps_the_rate():
    clock, pace = paced(0.5, last=99)
    pace.wait()
    assert clock.now == 101


def test_all_wait_when_the_service_asks_for_it():
    clock, pace = paced(None)
    pace.hold(7)
    pace.wait()
    assert clock.now == 107


@pytest.mark.parametrize(
    ("text", "rate"), [("2/s", 2), ("30/min", 0.5), ("1.5 / s", 1.5), ("3600/h", 1), ("86400/d", 1)]
)
def test_a_rate_is_read(text, rate):
    assert per_second(text) == rate


@pytest.mark.parametrize("text", ["2", "2/", "0/s", "-1/s", "2/year", "fast", "nan/s"])
def test_what_is_no_rate_is_refused(text):
    with pytest.raises(fpframe.UsageError, match="is not a rate"):
        per_second(text)


@pytest.mark.parametrize("terms", [{"rate": 0}, {"budget": -1}, {"parallel": 0}, {"rate": float("nan")}])
def test_terms_out_of_range_are_refused(terms):
    with pytest.raises(fpframe.ParameterError, match=next(iter(terms))):
        Terms(**terms)
