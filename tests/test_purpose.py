"""The benchmark of universal perturbations: what it sends, and what it compares with what."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import fpframe

FOLDER = Path(__file__).parent / "bench" / "purpose"


@pytest.fixture
def bench(monkeypatch):
    """Return the modules of the benchmark, which are not a package."""
    monkeypatch.syspath_prepend(str(FOLDER))
    spec = importlib.util.spec_from_file_location("purpose_main", FOLDER / "__main__.py")
    main = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(main)
    yield sys.modules["deltas"], main
    for name in ("deltas", "scoring", "picture"):
        sys.modules.pop(name, None)


@pytest.mark.slow
def test_every_kind_of_query_stays_within_its_bound_and_none_is_left_out(bench):
    deltas, _ = bench
    torch.manual_seed(0)
    images = torch.randint(0, 256, (12, 1, 6, 6), dtype=torch.uint8)
    craft = torch.randint(0, 256, (40, 1, 6, 6), dtype=torch.uint8)
    victim, *others = (
        fpframe.Classifier(nn.Sequential(nn.Flatten(), nn.Linear(36, 3)), num_classes=3, image_shape=(1, 6, 6))
        for _ in range(5)
    )
    for kind in deltas.kinds():
        moved = deltas.perturbed(kind, victim, images, craft, derived=others[:2], independent=others[2:], seed=1)
        both = kind.name.startswith(deltas.BOTH)
        assert len(moved) == len(images) * (2 if both else 1), kind
        if both:
            assert torch.equal(moved[: len(images)], images)
        change = (moved[-len(images) :].int() - images.int()).abs()
        assert change.max() <= kind.epsilon, kind
        assert (change.flatten(1).amax(1) > 0).all() == (kind.epsilon > 0), kind


def test_a_perturbation_is_compared_with_random_signs_of_its_size(bench):
    deltas, main = bench
    names = [main.label(kind) for kind in deltas.kinds()]
    found = main.controls(names)
    assert set(found) == {name for name in names if "UAP" in name}
    assert found["UAP of each class 16"] == "random signs 16"
    assert found["natural images and UAP 8"] == "natural images and random signs 8"
    assert main.controls(["UAP 8", "random signs 16"]) == {}


def test_scores_of_several_draws_are_read_in_the_same_order(bench):
    _, main = bench
    rows = [
        {"relation": relation, "draw": str(draw), "score": str(draw + number), "kind": kind, "family": f"f{number}"}
        for draw in range(2)
        for number, (relation, kind) in enumerate([("derived", "a"), ("independent", "wild"), ("derived", "b")])
    ]
    side = main.Side.of(rows, "derived")
    assert np.array_equal(side.scores, [[0, 2], [1, 3]])
    assert (side.kinds, side.families) == (["a", "b"], ["f0", "f2"])
    assert np.array_equal(side.only("b").scores, [[2], [3]])
