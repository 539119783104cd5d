"""What a zoo would take, told as data."""

from __future__ import annotations

from unittest.mock import Mock

from fpframe.report import outlook_dict
from fpframe.zoo.needs import Needs
from fpframe.zoo.outlook import Outlook, Sharing


def test_a_plan_that_takes_a_few_milliseconds_does_not_take_none():
    outlook = Mock(Outlook, models=(), missing=(), dropped=(), seconds=0.006, needs=Needs())
    outlook.counts.return_value, outlook.costs.return_value = {}, ()
    outlook.sharing.return_value = Sharing(common=0, alike=0, thieves=0)
    assert outlook_dict(outlook, workers=2)["seconds"] == 0.003
