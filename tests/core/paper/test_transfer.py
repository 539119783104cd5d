"""The second victim and its thieves are others, no encoder has seen what it scores, and claims need intervals."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import attrs
import numpy as np
import pytest

from fpframe.decision.paired import AreaTest
from fpframe.errors import RecipeError
from fpframe.models.classifier import state_digest
from fpframe.paper.average import Average
from fpframe.paper.experiment import Finding
from fpframe.paper.laboratory import Laboratory
from fpframe.paper.transfer.claims import compared_claim, mean_claims, transfer_claim
from fpframe.paper.transfer.experiment import BORROWED, FIRST, OWN, run
from fpframe.paper.transfer.judged import Judged, Sides
from fpframe.paper.transfer.secondvictim import second_victim, with_second_victim
from fpframe.zoo.keys import model_key
from fpframe.zoo.model import ZooModel


@pytest.fixture(scope="module")
def second(laboratory: Laboratory) -> Laboratory:
    return with_second_victim(laboratory)


@pytest.fixture(scope="module")
def finding(laboratory: Laboratory) -> Finding:
    return run(laboratory)


@pytest.mark.slow
def test_the_second_victim_is_another_model_of_the_same_kind(laboratory: Laboratory, second: Laboratory) -> None:
    assert state_digest(second.victim.module) != state_digest(laboratory.victim.module)
    assert second.setting.victim.key != laboratory.setting.victim.key
    assert str(second.victim.module) == str(laboratory.victim.module)
    facts = laboratory.zoo.facts(second_victim(laboratory))
    assert 0.5 < facts.agreement < 1
    plan = second_victim(laboratory)
    assert plan.lineage.last.data == "victim"
    assert plan.training == laboratory.recipe.training
    # it is nobody's teacher in the first zoo
    assert plan.lineage not in [link.lineage for model in laboratory.zoo.models for link in model.chain]


@pytest.mark.slow
def test_every_thief_of_the_second_victim_asked_that_one_and_is_in_no_other_zoo(
    laboratory: Laboratory, second: Laboratory
) -> None:
    derived = [model for model in second.zoo.models if model.relation == "derived"]
    known = {model_key(model, laboratory.zoo.workspace) for model in laboratory.zoo.models}
    keys = {model_key(model, second.zoo.workspace) for model in derived}
    assert len(keys) == len(derived)
    assert not keys & known
    # the same lineage, of the other victim, is another model: the victim is part of the key
    assert all(model_key(model, laboratory.zoo.workspace) not in keys for model in derived)
    # and those that learned from soft labels answer more like their teacher than like the first victim
    test = laboratory.setting.workspace.dataset.test.pixels
    ours, others = (each.victim.logits(test).argmax(1) for each in (second, laboratory))
    soft = [second.zoo.load(model).logits(test).argmax(1) for model in derived if model.stratum == "extract(soft)"]
    assert np.mean([float((each == ours).float().mean() - (each == others).float().mean()) for each in soft]) > 0


@pytest.mark.slow
def test_as_many_thieves_as_the_recipe_says_with_the_attacks_of_both_splits(
    laboratory: Laboratory, second: Laboratory
) -> None:
    derived = [model for model in second.zoo.models if model.relation == "derived"]
    count = laboratory.recipe.experiments.transfer_models
    assert Counter(model.split for model in derived) == {"fit": count, "test": count}
    assert len({model.family for model in derived}) == len(derived)
    attacks = {split: {model.stratum for model in derived if model.split == split} for split in ("fit", "test")}
    assert attacks["fit"] == attacks["test"]
    groups = {group.attack: group for group in laboratory.recipe.derived}
    for model in derived:
        assert len(model.lineage.steps) == 2
        assert model.lineage.last.backbone in groups[model.stratum].backbones_of(model.split)
    # held-out architectures are held out here as well
    assert not {m.lineage.last.backbone for m in derived if m.split == "test"} & {"victim", "paper:arc-b"}


@pytest.mark.slow
def test_no_encoder_has_seen_a_model_that_it_scores(laboratory: Laboratory, second: Laboratory) -> None:
    scored = {model_key(m, second.zoo.workspace) for m in [*second.thefts("test"), *second.innocents("test")]}
    scored |= {model_key(model, laboratory.zoo.workspace) for model in laboratory.thefts("test")}
    for each in (laboratory, second):
        assert not scored & {model_key(model, each.zoo.workspace) for model in each.zoo.of("fit")}
    families = {split: {model.family for model in second.zoo.of(split)} for split in ("fit", "test")}
    assert not families["fit"] & families["test"]
    # innocent models are the very same ones, found in the store under the other victim
    assert {model_key(m, second.zoo.workspace) for m in second.innocents()} == {
        model_key(m, laboratory.zoo.workspace) for m in laboratory.innocents("fit", "test")
    }


def test_a_recipe_without_extraction_in_both_splits_is_refused(laboratory: Laboratory) -> None:
    modified = tuple(group for group in laboratory.recipe.derived if "extract" not in group.attack)
    recipe = attrs.evolve(laboratory.recipe, derived=modified)
    poor = attrs.evolve(laboratory, setting=attrs.evolve(laboratory.setting, recipe=recipe))
    with pytest.raises(RecipeError, match=r"recipe 'tiny' has no \[\[derived\]\] extraction attack"):
        with_second_victim(poor)


@pytest.mark.slow
def test_findings(laboratory: Laboratory, second: Laboratory, finding: Finding) -> None:
    judged = finding.data["judged"]
    assert set(judged) == {
        "`akh`",
        *(f"`{scheme}`, {way}" for scheme in ("uap-contrastive", "random-sign") for way in (FIRST, BORROWED, OWN)),
    }
    own, first = judged[f"`uap-contrastive`, {OWN}"], judged[f"`uap-contrastive`, {FIRST}"]
    # fitted on its own thieves, an encoder knows others of them, from innocents and from the first victim's thieves
    assert own["derived_from_independent"]["auc"] > 0.9
    assert own["derived_from_strangers"]["auc"] >= 0.9
    assert own["mean_similarity_of_derived"]["value"] > own["mean_similarity_of_independent"]["value"] + 0.5
    assert judged["`akh`"]["derived_from_independent"]["auc"] > 0.8
    sizes = (len(second.thefts("test")), len(second.innocents("test")), len(laboratory.thefts("test")))
    for each in judged.values():
        found = [each[f"mean_similarity_of_{side}"]["n"] for side in ("derived", "independent", "strangers")]
        assert tuple(found) == sizes
    # the table holds what the means are of
    table = finding.tables["models"]
    column = table.header.index(f"uap-contrastive, {FIRST}")
    for kind, side in (("derived from the second victim", "derived"), ("independent", "independent")):
        values = [row[column] for row in table.rows if row[1] == kind]
        assert np.mean(values) == pytest.approx(first[f"mean_similarity_of_{side}"]["value"])
    assert len(table.rows) == sum(sizes)
    assert "the second victim (5 views)" in finding.pictures["embeddings"]


def test_the_mean_of_families() -> None:
    values, families = np.array([0.0, 0.0, 0.0, 0.9]), ["a", "a", "a", "b"]
    average = Average.of(values, families)
    assert (average.value, average.n, average.families) == (pytest.approx(0.225), 4, 2)
    # either family may be drawn twice
    assert average.interval == pytest.approx((0.0, 0.9))
    assert np.isnan(Average.of(values, ["a"] * 4).interval).all()
    draw = np.random.default_rng(1).standard_normal(400)
    low, high = Average.of(draw, [str(row) for row in range(400)]).interval
    assert high - low == pytest.approx(2 * 1.96 * draw.std() / 20, rel=0.1)
    with pytest.raises(ValueError, match="needs models"):
        Average.of(np.array([]), [])


def test_means_agree_where_the_interval_holds_the_papers_figure() -> None:
    spread = np.linspace(-0.1, 0.1, 10)
    agreeing = mean_claims(_made_up(0.85 + spread, 0.33 + spread))
    assert [claim.outcome for claim in agreeing] == ["agrees", "agrees"]
    apart = mean_claims(_made_up(0.99 + spread / 100, 0.6 + spread))
    assert [claim.outcome for claim in apart] == ["differs", "differs"]
    assert apart[0].why.startswith("+0.14")


@pytest.mark.parametrize(
    ("above", "outcome"), [(1.0, "agrees"), (-1.0, "differs"), (0.0, "undecided")], ids=["apart", "reversed", "chance"]
)
def test_an_encoder_transfers_where_the_area_is_no_chance(above: float, outcome: str) -> None:
    spread = np.linspace(-0.1, 0.1, 10)
    assert transfer_claim(_made_up(above + spread, spread)).outcome == outcome


@pytest.mark.parametrize(
    ("changes", "outcome"),
    [
        ({"difference": -0.3, "interval": (-0.5, -0.1), "p_value": 0.01}, "differs"),
        ({"difference": -0.01, "interval": (-0.03, 0.02), "p_value": 0.6}, "agrees"),
        ({"difference": -0.1, "interval": (-0.3, 0.1), "p_value": 0.3}, "undecided"),
        # both separate ten models completely: that does not exclude a loss
        ({"difference": 0.0, "interval": (0.0, 0.0), "p_value": 1.0}, "undecided"),
    ],
)
def test_as_good_as_its_own_needs_an_interval_that_says_so(changes: dict[str, Any], outcome: str) -> None:
    perfect = _made_up(np.linspace(0.8, 0.9, 10), np.linspace(0, 0.1, 10))
    assert compared_claim(perfect, perfect, AreaTest(**changes)).outcome == outcome


def _made_up(above: np.ndarray, below: np.ndarray) -> Judged:
    @attrs.frozen
    class Member:
        family: str

    def members(count: int) -> Sequence[ZooModel]:
        return [Member(str(row)) for row in range(count)]  # type: ignore[misc]

    sides = Sides(thefts=members(len(above)), innocents=members(len(below)), strangers=members(2))
    return Judged(name="made up", sides=sides, above=above, below=below, beside=np.array([0.1, 0.2]))
