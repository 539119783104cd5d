"""A view has the right neighbours, and similarities are those of known fingerprints."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from fpframe.paper import Laboratory
from fpframe.paper.laboratory import UAP
from fpframe.paper.views.alike import Alike, paired
from fpframe.paper.views.experiment import INDEPENDENT, OWN, POSITIVES, run


def test_view_v_holds_the_vth_neighbours_of_the_query_points(laboratory: Laboratory) -> None:
    queries = laboratory.ask(UAP, "fit").questions.queries
    pool = laboratory.setting.workspace.parts.pool
    outputs = laboratory.victim.logits(pool.pixels).double().softmax(1)
    points = queries.parts[0].points
    rows = [[_place(image, pool.images) for image in view[:points]] for view in queries.images]
    query_points = rows[0]
    for number, point in enumerate(query_points):
        distances = (outputs - outputs[point]).square().sum(1)
        distances[query_points] = torch.inf
        for view in range(1, len(rows)):
            mine = rows[view][number]
            # nearer images are the neighbours of earlier views, or another point of this view took them before
            nearer = set((distances < distances[mine]).nonzero().flatten().tolist())
            earlier = {rows[v][number] for v in range(1, view)}
            assert nearer <= earlier | set(rows[view][:number])
    assert all(len(set(view)) == points for view in rows)


def _place(image: torch.Tensor, images: torch.Tensor) -> int:
    found = (images == image).flatten(1).all(1).nonzero().flatten().tolist()
    assert found
    return int(found[0])


def test_similarities_of_known_fingerprints() -> None:
    # two models with two views each: the second model's views are at right angles
    fingerprints = torch.tensor([[[1.0, 0.0], [1.0, 1.0]], [[2.0, 0.0], [0.0, 3.0]]])
    alike = Alike.of(fingerprints)
    assert alike.across == pytest.approx(np.array([[1, np.sqrt(0.5)], [1, 0]]))
    assert alike.between[0, 1] == pytest.approx([1, np.sqrt(0.5)])
    assert alike.own_views() == pytest.approx([np.sqrt(0.5), 0])
    assert alike.to_others([0, 1], ["a", "b"]) == pytest.approx([(1 + np.sqrt(0.5)) / 2] * 2)


def test_the_test_counts_families_and_not_models() -> None:
    generator = np.random.default_rng(0)
    first = generator.normal(1, 0.1, 40)
    alone = paired(first, np.zeros(40), [str(number) for number in range(40)])
    together = paired(first, np.zeros(40), [str(number // 10) for number in range(40)])
    assert alone.families == 40
    assert alone.p_value < 1e-6
    assert together.families == 4
    assert together.p_value == pytest.approx(0.125)  # four signs that agree
    assert paired(first, first, ["a"] * 40).p_value == 1.0


def test_findings(laboratory: Laboratory) -> None:
    finding = run(laboratory)
    means = finding.data["mean_similarity"][UAP]
    assert means[OWN] > means[INDEPENDENT]
    assert means[POSITIVES] > means[INDEPENDENT]
    assert finding.data["positives"] == 1 + len(laboratory.thefts("fit", "test"))
    rows = finding.tables["curves"].rows
    assert [row[0] for row in rows] == list(range(5))
    assert rows[0][1] == pytest.approx(1.0)  # every model is itself
    test = finding.data["own_less_positives"][UAP]
    assert finding.claims[0].outcome == (
        "undecided" if test["p_value"] > 0.05 else "agrees" if test["median"] > 0 else "differs"
    )
