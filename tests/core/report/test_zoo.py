"""What a zoo would take, told as data."""

from __future__ import annotations

from fpframe.report import outlook_dict
from fpframe.zoo import Outlook


def test_a_plan_that_takes_a_few_milliseconds_does_not_take_none():
    outlook = Outlook(models=(), missing=(), expected=(0.004, 0.002))
    assert outlook_dict(outlook, workers=2)["seconds"] == 0.003
