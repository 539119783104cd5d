"""Verdicts on real suspects: derived, independent, and those that do not behave."""

from __future__ import annotations

import json

import jsonschema
import pytest
import torch
from safetensors.torch import save_file

import fpframe
from fpframe.enrolment.enrolment import Enrolment
from fpframe.errors import ModelError, ResourceError, UsageError
from fpframe.models.query import Query
from fpframe.registry.strata import STRATA
from fpframe.report.verdict.text import verdicts_text
from fpframe.store.store import Store
from fpframe.verification import verdict_schema
from fpframe.zoo import partition
from fpframe.zoo.model import victim_model
from fpframe.zoo.planner import plan_models
from fpframe.zoo.workspace import VictimHandle, Workspace
from fpframe.zoo.zoo import Zoo
from tiny import evaluate_tiny, larger


@pytest.fixture(scope="module")
def enrolment(tiny_enrolment) -> Enrolment:
    return Enrolment.open(tiny_enrolment)


@pytest.fixture(scope="module")
def zoo(tiny_store, enrolment, registry) -> Zoo:
    recipe = enrolment.recipe
    data = registry.create("dataset", "digits").open("", root=None)
    parts = partition(data, recipe.partition, seed=recipe.seed)
    workspace = Workspace(dataset=data, parts=parts, registry=registry, store=Store(tiny_store))
    victim = Zoo((), workspace).load(victim_model(recipe))
    workspace.victim = VictimHandle.of(victim, parts, backbone=recipe.victim.backbone)
    return Zoo(tuple(plan_models(recipe, registry)), workspace)


@pytest.fixture(scope="module")
def thief(zoo):
    return zoo.load(next(m for m in zoo.of("test") if m.stratum == "extract-noise(soft)"))


@pytest.fixture(scope="module")
def innocent(zoo):
    return zoo.load(next(m for m in zoo.of("test") if m.stratum == "same-data"))


def test_held_out_thefts_separate_from_all_held_out_independent_models(enrolment, tiny_store, registry):
    evaluation = evaluate_tiny(enrolment, tiny_store)
    cells = {(cell.derived, cell.independent): cell for cell in evaluation.separations()}
    overall = cells["all derived", "all independent"]
    failed = [suspect for suspect in evaluation.suspects if suspect.facts.failed]
    assert (overall.n_derived, overall.n_independent) == (10 - len(failed), 17)
    assert overall.auc >= 0.95
    fit = {m.family for m in plan_models(enrolment.recipe, registry, splits=("fit", "calibrate"))}
    assert not fit & {suspect.model.family for suspect in evaluation.suspects}


def test_a_thief_is_derived_and_an_innocent_is_not_shown(enrolment, thief, innocent):
    accused, cleared = fpframe.verify(enrolment, thief), fpframe.verify(enrolment, innocent)
    assert (accused.verdict, cleared.verdict) == ("DERIVED", "NOT_SHOWN")
    assert accused.p_value == pytest.approx(0.1)
    assert cleared.p_value > 0.1
    assert accused.queries == 548, "300 on ability, 200 for the views and 48 probes"
    assert set(accused.decision.strata) == set(STRATA)
    assert "not a proof of innocence" in cleared.sentence


def test_the_victim_itself_is_derived(enrolment, zoo):
    assert fpframe.verify(enrolment, zoo.workspace.victim.classifier).verdict == "DERIVED"


def test_a_suspect_that_reveals_labels_only_is_judged_in_that_channel(enrolment, thief):
    def labels(pixels):
        return thief.logits(pixels).argmax(1)

    verdict = fpframe.verify(enrolment, labels, outputs="labels")
    assert verdict.channel == "top1"
    assert 0 < verdict.p_value <= 1
    assert verdict.decision.strata["same-data"].n == 9


@pytest.mark.parametrize("temperature", [0.05, 0.25, 4.0, 10.0, 100.0])
def test_a_thief_gains_nothing_by_the_temperature_of_its_answers(enrolment, thief, temperature):
    def tempered(pixels):
        return (thief.logits(pixels).double() / temperature).softmax(1)

    plain, accused = (fpframe.verify(enrolment, suspect, channel="probs") for suspect in (thief, tempered))
    assert accused.verdict == "DERIVED"
    assert accused.score == pytest.approx(plain.score, abs=2e-3)


def test_one_hot_probabilities_are_judged_as_labels(enrolment, thief):
    def one_hot(pixels):
        return torch.nn.functional.one_hot(thief.logits(pixels).argmax(1), 10).float()

    assert fpframe.verify(enrolment, one_hot).channel == "top1"


@pytest.mark.parametrize("rows", [1, 40])
def test_answers_that_are_not_finite_give_inconclusive_and_never_derived(enrolment, thief, rows):
    def broken(pixels):
        answers = thief.logits(pixels).softmax(1)
        answers[:rows] = float("nan")
        return answers

    verdict = fpframe.verify(enrolment, broken)
    assert verdict.verdict == "INCONCLUSIVE"
    assert verdict.decision.reason.code == "answers-not-finite"
    text = json.dumps({"suspects": [verdict.to_dict()]}, allow_nan=False)
    assert json.loads(text)["suspects"][0]["p_value"] is None


def test_a_suspect_that_always_answers_the_same_gives_inconclusive(enrolment):
    verdict = fpframe.verify(enrolment, lambda pixels: torch.full((len(pixels), 10), 0.1))
    assert verdict.verdict == "INCONCLUSIVE"
    assert verdict.decision.reason.code == "answers-constant"


def test_an_alpha_out_of_reach_is_refused_before_the_suspect_is_asked(enrolment, thief):
    suspect = thief.as_query()
    with pytest.raises(UsageError, match="19 are needed"):
        fpframe.verify(enrolment, suspect, alpha=0.05)
    assert suspect.spent == 0


def test_several_suspects_share_alpha_and_are_refused_when_it_cannot_be_shared(enrolment, thief, innocent):
    with pytest.raises(UsageError, match="name only the one that you mean to accuse"):
        fpframe.verify_many(enrolment, [thief, innocent])
    verdicts = fpframe.verify_many(larger(enrolment, 3), [innocent, thief])
    assert [verdict.verdict for verdict in verdicts] == ["NOT_SHOWN", "DERIVED"]
    assert verdicts[1].decision.alpha == pytest.approx(0.05), "the smallest p-value is held to alpha / 2"
    assert verdicts[0].decision.alpha == pytest.approx(0.1)


def test_a_query_budget_that_is_too_small_is_refused_before_anything_is_asked(enrolment, thief):
    asked = []

    def counting(pixels):
        asked.append(len(pixels))
        return thief.logits(pixels).softmax(1)

    with pytest.raises(ResourceError, match="548 more queries are needed"):
        fpframe.verify(enrolment, counting, max_queries=547)
    assert not asked
    assert fpframe.verify(enrolment, counting, max_queries=548).queries == sum(asked) == 548


def test_a_suspect_with_other_classes_is_refused_in_one_line(enrolment):
    with pytest.raises(ModelError, match="name its own with --classes") as caught:
        fpframe.verify(enrolment, lambda pixels: torch.full((len(pixels), 7), 1 / 7))
    assert "\n" not in str(caught.value)


def test_a_verdict_does_not_depend_on_the_batch_size(enrolment, thief):
    one = fpframe.verify(enrolment, lambda x: thief.logits(x).softmax(1), batch_size=7)
    other = fpframe.verify(enrolment, lambda x: thief.logits(x).softmax(1), batch_size=512)
    assert one.score == pytest.approx(other.score, abs=1e-5)
    assert one.settings["batch_size"] == 7


@pytest.mark.slow
def test_a_verdict_says_in_which_network_weights_were_opened(enrolment, registry, tmp_path):
    adapted = fpframe.build_backbone(registry, "timm:test_resnet", 10, (1, 8, 8))
    fpframe.save_weights(adapted, tmp_path / "ours.safetensors")
    save_file(adapted.module.state_dict(), tmp_path / "theirs.safetensors")
    ours, theirs = (
        fpframe.verify(enrolment, tmp_path / name, backbone="timm:test_resnet")
        for name in ("ours.safetensors", "theirs.safetensors")
    )
    assert ours.suspect["architecture"] == "timm:test_resnet(stem=small)"
    assert theirs.suspect["architecture"] == "timm:test_resnet(unchanged)"
    codes = [{note.code for note in verdict.caveats} for verdict in (ours, theirs)]
    assert ["architecture-adapted" in each for each in codes] == [True, False]
    assert ["preparation-assumed" in each for each in codes] == [False, True]
    for verdict in (ours, theirs):
        told = json.loads(json.dumps(verdict.to_dict()))
        jsonschema.validate(told, verdict_schema())
        assert fpframe.Verdict.from_dict(told) == verdict
        assert f"opened as {verdict.suspect['architecture']}" in verdicts_text([verdict])
        verdict.transcript.save(tmp_path / "answers.npz", force=True)
        again = fpframe.verify_many(enrolment, answers=[tmp_path / "answers.npz"])[0]
        assert again.suspect == verdict.suspect


def test_an_open_query_can_be_a_suspect(enrolment, thief):
    query = Query(thief.logits, num_classes=10, outputs="logits", address="mine", digest="abc")
    verdict = fpframe.verify(enrolment, query)
    assert verdict.suspect == {"address": "mine", "digest": "abc"}
    assert verdict.verdict == "DERIVED"


def test_a_calibration_model_ties_with_its_own_score(enrolment, zoo):
    for model in [model for model in zoo.of("calibrate") if model.stratum == "same-data"]:
        verdict = fpframe.verify(enrolment, zoo.load(model))
        stratum = enrolment.strata("probs")["same-data"]
        assert verdict.score in stratum.scores, "to the last bit, or a tie would not count against the claimant"
        assert verdict.decision.strata["same-data"].at_least >= 1


def test_an_option_that_nothing_takes_is_refused_and_the_nearest_one_is_named(tiny_enrolment):
    with pytest.raises(TypeError, match="unknown option 'backbon' of a verdict; did you mean 'backbone'"):
        fpframe.verify(tiny_enrolment, "missing.pt", backbon="paper:arc-e")
