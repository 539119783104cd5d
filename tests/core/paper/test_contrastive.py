"""Both encoders are judged by the same unseen models, with the controls beside them."""

from __future__ import annotations

import attrs
import numpy as np
import pytest

from fpframe.decision.metrics import auc
from fpframe.paper.contrastive.experiment import ALL, run, separating
from fpframe.paper.experiment import Finding
from fpframe.paper.laboratory import AUTOENCODER, BASELINE, CONTROL, RELEASED, UAP, Laboratory
from fpframe.paper.statistics import Separation

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def finding(laboratory: Laboratory) -> Finding:
    recipe = attrs.evolve(laboratory.recipe, experiments=attrs.evolve(laboratory.recipe.experiments, seeds=1))
    return run(attrs.evolve(laboratory, setting=attrs.evolve(laboratory.setting, recipe=recipe)))


def test_areas_are_those_of_the_scores_in_the_table(laboratory: Laboratory, finding: Finding) -> None:
    table = finding.tables["models"]
    column = table.header.index(UAP)
    sides = {kind: [row[column] for row in table.rows if row[1] == kind] for kind in ("derived", "independent")}
    found = finding.data["separation"][UAP][ALL]
    assert found["auc"] == pytest.approx(auc(sides["derived"], sides["independent"]))
    assert (found["derived"], found["independent"]) == (len(sides["derived"]), len(sides["independent"]))
    assert found["interval"][0] <= found["auc"] <= found["interval"][1]


def test_only_models_that_no_encoder_has_seen_are_judged(laboratory: Laboratory, finding: Finding) -> None:
    judged = {str(row[0]) for row in finding.tables["models"].rows}
    assert judged == {str(model.lineage) for model in (*laboratory.thefts("test"), *laboratory.innocents("test"))}


def test_both_encoders_and_the_controls_stand_beside_each_other(laboratory: Laboratory, finding: Finding) -> None:
    strata = {model.stratum for model in laboratory.innocents("test")}
    found = finding.data["separation"]
    assert set(found) == {UAP, RELEASED, AUTOENCODER, CONTROL, BASELINE}
    for areas in found.values():
        assert set(areas) == {ALL, *strata}
        # the area against all is the mean of those against each stratum, weighted by their models
        weighted = sum(areas[stratum]["auc"] * areas[stratum]["independent"] for stratum in strata)
        assert weighted / areas[ALL]["independent"] == pytest.approx(areas[ALL]["auc"])


def test_silhouettes_count_models_and_not_views(laboratory: Laboratory, finding: Finding) -> None:
    models = len(laboratory.thefts("test")) + len(laboratory.innocents("test"))
    found = finding.data["silhouettes"]
    assert {each["n"] for each in found.values()} == {models}
    assert all(-1 <= each["interval"][0] <= each["value"] <= each["interval"][1] <= 1 for each in found.values())
    # the encoder that is told which models are derived groups them better; the other one groups images
    assert found[UAP]["value"] > found[AUTOENCODER]["value"]
    by_view = {scheme: np.mean(each) for scheme, each in finding.data["silhouettes_by_view"].items()}
    assert by_view[AUTOENCODER] > by_view[UAP]
    picture = finding.pictures["encoders"]
    assert picture.count("(t-SNE, ") == 2
    assert f"(n = {len(laboratory.thefts('test'))})" in picture


@pytest.mark.parametrize(
    ("interval", "outcome"), [((0.91, 1.0), "agrees"), ((0.4, 0.8), "differs"), ((0.8, 1.0), "undecided")]
)
def test_an_area_separates_where_its_interval_says_so(interval: tuple[float, float], outcome: str) -> None:
    assert separating(Separation(auc=sum(interval) / 2, interval=interval, derived=9, independent=9)) == outcome
