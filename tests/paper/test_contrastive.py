"""Both encoders are judged by the same unseen models, with the controls beside them."""

from __future__ import annotations

import attrs
import numpy as np
import pytest

from fpframe.decision import auc
from fpframe.paper import Finding, Laboratory
from fpframe.paper.contrastive.experiment import ALL, TAUGHT, TRAINED, run
from fpframe.paper.laboratory import AUTOENCODER, BASELINE, CONTROL, UAP


@pytest.fixture(scope="module")
def finding(laboratory: Laboratory) -> Finding:
    recipe = attrs.evolve(laboratory.recipe, experiments=attrs.evolve(laboratory.recipe.experiments, seeds=1))
    return run(attrs.evolve(laboratory, setting=attrs.evolve(laboratory.setting, recipe=recipe)))


def test_areas_are_those_of_the_scores_in_the_table(laboratory: Laboratory, finding: Finding) -> None:
    table = finding.tables["models"]
    column = table.header.index(UAP)
    sides = {kind: [row[column] for row in table.rows if row[1] == kind] for kind in ("derived", "independent")}
    found = finding.data["separation"][f"{UAP}, {ALL}"]
    assert found["auc"] == pytest.approx(auc(sides["derived"], sides["independent"]))
    assert (found["derived"], found["independent"]) == (len(sides["derived"]), len(sides["independent"]))
    assert found["interval"][0] <= found["auc"] <= found["interval"][1]


def test_only_models_that_no_encoder_has_seen_are_judged(laboratory: Laboratory, finding: Finding) -> None:
    judged = {str(row[0]) for row in finding.tables["models"].rows}
    assert judged == {str(model.lineage) for model in (*laboratory.thefts("test"), *laboratory.innocents("test"))}


def test_both_encoders_and_the_controls_stand_beside_each_other(finding: Finding) -> None:
    wanted = {
        f"{scheme}, {kind}" for scheme in (UAP, AUTOENCODER, CONTROL, BASELINE) for kind in (ALL, TRAINED, TAUGHT)
    }
    assert set(finding.data["separation"]) == wanted
    assert all(-1 <= value <= 1 for values in finding.data["silhouettes"].values() for value in values)
    # the encoder that is told which models are derived groups them better
    assert np.mean(finding.data["silhouettes"][UAP]) > np.mean(finding.data["silhouettes"][AUTOENCODER])
    assert finding.pictures["encoders"].count("(t-SNE)") == 2
