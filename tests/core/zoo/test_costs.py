"""What models cost by kind, and how long a build will still take."""

from __future__ import annotations

import pytest

from fpframe.recipe import Run
from fpframe.zoo import costs
from fpframe.zoo.build import TASK, build_models
from fpframe.zoo.costs import BuildClock, Cost, costs_by_kind, stored_costs
from smallzoo import STUDENT


@pytest.fixture
def clock(monkeypatch):
    """Return a clock of three models, and a function that lets time pass."""
    now = [100.0]
    monkeypatch.setattr(costs.time, "monotonic", lambda: now[0])

    def wait(seconds):
        now[0] += seconds

    return BuildClock(expected={"short": 1, "long": 6, "free": 0}), wait


def test_what_is_left_is_told_by_what_is_expected_of_the_models_and_not_by_their_number(clock):
    build, wait = clock
    wait(2)
    build.finish("short")
    assert build.left == 12  # one second of work took two, and six are left
    wait(12)
    build.finish("long")
    assert build.left == 0


def test_nothing_is_told_before_anything_that_takes_time_is_finished(clock):
    build, wait = clock
    wait(5)
    assert build.left is None
    build.finish("free")
    assert build.left is None


def test_kinds_are_added_up_in_the_order_of_the_models(model):
    models = [model("prune"), model(f"train[{STUDENT}]"), model("prune")]
    assert costs_by_kind(models, [1.0, 5.0, 2.0]) == (
        Cost(kind="prune", models=2, seconds=3.0),
        Cost(kind=f"train[{STUDENT}]", models=1, seconds=5.0),
    )


def test_a_build_says_what_is_left_and_the_store_knows_what_each_kind_took(workspace, model):
    models = [model(f"train[{STUDENT}, seed={seed}]", stratum="same-data") for seed in range(3)]
    events = []
    build_models(models, workspace, Run(on_event=events.append))
    steps = [event for event in events if event.task == TASK and event.kind == "step"]
    assert [(event.done, event.total) for event in steps] == [(1, 3), (2, 3), (3, 3)]
    assert steps[0].left > 0
    assert steps[-1].left == 0
    [cost] = stored_costs(models, workspace)
    assert (cost.kind, cost.models) == ("same-data", 3)
    assert cost.seconds > 0
