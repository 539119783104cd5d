"""A view has the right neighbours, and similarities are those of known fingerprints."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from fpframe.models.queryset import add_perturbation
from fpframe.paper.experiment import Finding
from fpframe.paper.laboratory import UAP, Laboratory
from fpframe.paper.statistics import direction
from fpframe.paper.views.alike import Alike, Difference, paired
from fpframe.paper.views.experiment import (
    ANSWERS,
    EMBEDDINGS,
    INDEPENDENT,
    OWN,
    POSITIVES,
    SIGNS,
    run,
    with_other_views,
)


@pytest.fixture(scope="module")
def finding(laboratory: Laboratory) -> Finding:
    return run(laboratory)


def test_view_v_holds_the_vth_neighbours_of_the_query_points(laboratory: Laboratory) -> None:
    questions = laboratory.ask(UAP, "fit").questions
    images, points = questions.queries.images, questions.queries.parts[0].points
    pool = laboratory.setting.workspace.parts.pool
    outputs = laboratory.victim.logits(pool.pixels).double().softmax(1)
    rows = [[_place(image, pool.images) for image in view[:points]] for view in images]
    query_points = rows[0]
    for number, point in enumerate(query_points):
        distances = (outputs - outputs[point]).square().sum(1)
        distances[query_points] = torch.inf
        for view in range(1, len(rows)):
            mine, earlier = rows[view][number], {rows[v][number] for v in range(view)}
            assert mine not in earlier
            # nearer images are the neighbours of earlier views, or another point of this view took them before
            nearer = set((distances < distances[mine]).nonzero().flatten().tolist())
            assert nearer <= earlier | set(rows[view][:number])
    assert all(len(set(view)) == points for view in rows)
    # every view asks its points as they are, and then perturbed
    assert all(torch.equal(view[points:], add_perturbation(view[:points], questions.deltas[0])) for view in images)


def _place(image: torch.Tensor, images: torch.Tensor) -> int:
    found = (images == image).flatten(1).all(1).nonzero().flatten().tolist()
    assert found
    return int(found[0])


def test_similarities_of_known_fingerprints() -> None:
    # two models with three views each, of which the second model's are at right angles
    fingerprints = torch.tensor([[[1.0, 0, 0], [1, 1, 0], [0, 1, 0]], [[2.0, 0, 0], [0, 3, 0], [0, 0, 4]]])
    alike, half = Alike.of(fingerprints), np.sqrt(0.5)
    assert alike.own[0] == pytest.approx(np.array([[1, half, 0], [half, 1, half], [0, half, 1]]))
    # a view and itself, which are always alike, are not counted
    assert alike.own_views() == pytest.approx([2 * half / 3, 0])
    assert alike.between[0, 1] == pytest.approx([1, half, 0])
    assert np.allclose(np.diagonal(alike.between), 1)
    assert alike.to_others([0, 1], ["a", "b"]) == pytest.approx(np.array([[1, half, 0]] * 2))


def test_one_view_has_no_other_views() -> None:
    with pytest.raises(ValueError, match="no other views"):
        Alike.of(torch.ones(2, 1, 3)).own_views()


def test_models_of_the_same_family_are_not_compared() -> None:
    fingerprints = torch.tensor([[[1.0, 0.0]], [[1.0, 0.0]], [[0.0, 1.0]]])
    assert Alike.of(fingerprints).to_others([0, 1, 2], ["a", "a", "b"]).flatten() == pytest.approx([0, 0, 0])


def test_the_test_counts_families_and_not_models() -> None:
    first = np.random.default_rng(0).normal(1, 0.1, 40)
    alone = paired(first, np.zeros(40), [str(number) for number in range(40)])
    together = paired(first, np.zeros(40), [str(number // 10) for number in range(40)])
    assert alone.families == 40
    assert alone.p_value < 1e-6
    assert together.families == 4
    assert together.p_value == pytest.approx(0.125)  # four signs that agree
    assert paired(first, first, ["a"] * 40).p_value == 1.0


def test_a_difference_has_the_sign_that_the_test_finds() -> None:
    # most differences are just above 0, and the others far below it
    gaps = np.concatenate([np.linspace(0.01, 0.02, 11), np.linspace(-1, -2, 9)])
    assert np.median(gaps) > 0
    assert paired(gaps, np.zeros(20), [str(number) for number in range(20)]).median < 0


@pytest.mark.parametrize(
    ("median", "p_value", "expected"), [(0.1, 0.01, "agrees"), (-0.1, 0.01, "differs"), (0.1, 0.2, "undecided")]
)
def test_the_claim_follows_its_rule(median: float, p_value: float, expected: str) -> None:
    assert direction(p_value, median) == expected


def test_findings(laboratory: Laboratory, finding: Finding) -> None:
    data, count = finding.data, 1 + len(laboratory.thefts("fit", "test"))
    assert data["positives"] == count
    for what in (ANSWERS, SIGNS, EMBEDDINGS):
        means = {name: each["value"] for name, each in data["mean_similarity"][what].items()}
        assert means[OWN] > means[INDEPENDENT]
        assert means[POSITIVES] > means[INDEPENDENT]
        assert all(-1 <= value < 1 for value in means.values())
    # the encoder is fitted for views of one model to be alike, and is judged by models that it has not seen
    assert data["mean_similarity"][EMBEDDINGS][OWN]["n"] == 1 + len(laboratory.thefts("test"))
    difference = Difference(**data["own_less"][ANSWERS][POSITIVES])
    assert finding.claims[0].outcome == direction(difference.p_value, difference.median)
    curves = finding.tables["curves"].rows
    assert [row[0] for row in curves] == list(range(5))
    assert curves[0][1] == pytest.approx(1.0)  # every model is itself
    models = finding.tables["models"].rows
    assert len(models) == count
    assert np.mean([row[1] for row in models]) == pytest.approx(data["mean_similarity"][ANSWERS][OWN]["value"])


def test_the_mean_over_own_views_is_that_of_the_answers(laboratory: Laboratory, finding: Finding) -> None:
    asked = laboratory.ask(UAP, "fit")
    views = torch.nn.functional.normalize(asked.victim.flatten(1).double(), dim=1)
    cosines = [float(views[i] @ views[j]) for i in range(len(views)) for j in range(i)]
    (victim,) = [row for row in finding.tables["models"].rows if row[0] == "the victim"]
    assert victim[1] == pytest.approx(np.mean(cosines))


def test_a_recipe_of_one_view_is_asked_two(laboratory: Laboratory) -> None:
    views = [with_other_views(laboratory.with_size(views=each)).recipe.queries.views for each in (1, 2, 5)]
    assert views == [2, 2, 5]
