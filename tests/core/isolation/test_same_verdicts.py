"""A process of its own changes no verdict: what a model gets here, the file of it gets there, number by number."""

from __future__ import annotations

import pytest

import fpframe
from fpframe.enrolment.enrolment import Enrolment
from fpframe.zoo.zoo import Zoo
from survival.verdicts import differing

pytestmark = pytest.mark.slow


def test_every_exported_model_of_tiny_gets_the_same_verdict_in_a_process_of_its_own(
    tiny_store, tiny_enrolment, tmp_path
):
    made = fpframe.plan_zoo("tiny", run=fpframe.Run(store=tiny_store)).build()
    zoo = Zoo(tuple(made.of("test")), made.workspace)
    counts, differ = differing(Enrolment.open(tiny_enrolment), zoo, tmp_path / "models")
    assert differ == []
    assert counts.total() > 20
    assert {"DERIVED", "NOT_SHOWN"} <= counts.keys()
