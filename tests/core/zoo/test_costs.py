"""What models cost by kind, and how long a build will still take."""

from __future__ import annotations

import pytest

from fpframe.recipe import Run
from fpframe.zoo import costs
from fpframe.zoo.build import TASK, build_models
from fpframe.zoo.costs import PRIOR, BuildClock, Cost, costs_by_kind, stored_costs
from smallzoo import STUDENT


@pytest.fixture
def clock(monkeypatch):
    """Return a clock of three models, and a function that lets time pass."""
    now = [100.0]
    monkeypatch.setattr(costs.time, "monotonic", lambda: now[0])

    def wait(seconds):
        now[0] += seconds

    return BuildClock(expected={"short": 10, "long": 60, "free": 0}, workers=1), wait


def test_what_is_left_is_told_by_what_is_expected_of_the_models_and_not_by_their_number(clock):
    build, wait = clock
    assert build.left == 70, "before anything is finished, as expected"
    wait(40)
    build.finish("short")
    assert build.left == 60 * (40 + PRIOR) / (10 + PRIOR), "half as fast as expected, and it was fast in the prior"
    wait(60)
    build.finish("long")
    assert build.left == 0


def test_a_first_model_that_waited_for_its_worker_does_not_frighten(clock):
    build, wait = clock
    wait(5)
    build.finish("free")
    assert build.left == pytest.approx(70 * 25 / 20)


def test_two_workers_take_half_as_long():
    one, two = (BuildClock(expected={"a": 50, "b": 50}, workers=workers).left for workers in (1, 2))
    assert one == pytest.approx(2 * two, rel=1e-3)


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
