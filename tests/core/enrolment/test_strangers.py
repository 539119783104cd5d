"""What models of a kind would be called if nobody of the kind were calibrated."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from fpframe.decision.metrics import clopper_pearson
from fpframe.decision.paths import StratumPaths
from fpframe.enrolment.ability import Ability
from fpframe.enrolment.calibration import Calibration, CalibrationModel
from fpframe.enrolment.strangers import Strangers, architecture_of, find_strangers, look_at_strangers, stranger_notes


def calibration(scores: dict[str, dict[str, list[float]]]) -> tuple[Calibration, dict[str, StratumPaths]]:
    """Return a calibration with one view, from scores by stratum and architecture."""
    models, views = [], []
    for stratum, by_backbone in scores.items():
        for backbone, values in by_backbone.items():
            for value in values:
                name = f"train[{backbone}]"
                models.append(CalibrationModel(name=name, stratum=stratum, family=f"{stratum}/{len(models)}"))
                views.append([value])
    made = Calibration(models=tuple(models), answers={}, views={}, source="drawn")
    return made, made.by_stratum(np.array(views), [model.family for model in models])


LOW, HIGH = [i / 100 for i in range(9)], [0.9 + i / 100 for i in range(9)]


def test_a_stratum_that_scores_above_all_others_would_be_accused():
    made, paths = calibration({"hard": {"a": HIGH}, "easy": {"a": LOW}, "easier": {"a": LOW}})
    found = {(each.by, each.name): each for each in find_strangers(made, paths, None, alpha=0.1)}
    hard = found["stratum", "hard"]
    assert (hard.accused, hard.n, hard.families_accused, hard.level, hard.least() > 0.5) == (9, 9, 9, 0.1, True)
    assert found["stratum", "easy"].accused == 0
    [note] = stranger_notes(tuple(found.values()))
    assert note.code == "strangers-accused"
    assert "'hard'" in note.text
    assert "9 of 9" in note.text
    assert ("architecture", "a") not in found, "there would be nobody left"


def test_an_architecture_is_left_out_of_every_stratum_and_judged_at_the_floor_of_what_is_left():
    made, paths = calibration({"one": {"a": LOW[:5], "b": HIGH[:4]}, "two": {"a": LOW}})
    found = {(each.by, each.name): each for each in find_strangers(made, paths, None, alpha=0.1)}
    stranger = found["architecture", "b"]
    assert stranger.level == pytest.approx(1 / 6), "five models are left in the stratum 'one'"
    assert (stranger.accused, stranger.n) == (4, 4)
    assert found["architecture", "a"].accused == 0
    assert not list(stranger_notes([stranger])), "a verdict names strata"


def test_few_accused_models_are_no_alarm():
    made, paths = calibration({"one": {"a": [*LOW[:8], 0.99]}, "two": {"a": LOW}})
    found = {each.name: each for each in find_strangers(made, paths, None, alpha=0.1) if each.by == "stratum"}
    assert (found["one"].accused, found["one"].least() > 0.1) == (1, False)


def test_models_less_able_than_the_one_that_is_judged_count_for_it():
    made, paths = calibration({"hard": {"a": HIGH}, "easy": {"a": LOW}})
    truth = torch.zeros(100, dtype=torch.int16)
    right = torch.zeros(18, 100, dtype=torch.int16)
    right[9:, :50] = 1  # those of the stratum 'easy' get half of the images wrong
    ability = Ability(images=torch.zeros(100, 1, 2, 2), truth=truth, victim=truth, models=right)
    found = {each.name: each for each in find_strangers(made, paths, ability, alpha=0.1)}
    assert found["hard"].accused == 0


@pytest.mark.parametrize(
    ("name", "architecture"),
    [
        ("train[victim]", "victim"),
        ("train[victim, data=thief]", "victim"),
        ("train[paper:arc-b]", "paper:arc-b"),
        ("train[victim] -> extract(soft)[paper:arc-c]", "paper:arc-c"),
        ("train[paper:arc-b] -> prune(0.4) -> finetune(all)", "paper:arc-b"),
        ("train[victim] -> finetune(all, epochs=5)[data=everything]", "victim"),
        ("train[random:3, data=thief] -> extract(soft)[data=everything, seed=2]", "random:3"),
        ("train[timm:resnet18(stem=small)]", "timm:resnet18(stem=small)"),
        ("rival.onnx", ""),
    ],
)
def test_a_name_tells_the_architecture(name, architecture):
    assert architecture_of(name) == architecture


@pytest.mark.parametrize(
    ("by", "name", "accused", "n", "unfit"),
    [
        ("architecture", "paper:arc-b", 4, 10, True),
        ("architecture", "paper:arc-b", 3, 10, False),
        ("architecture", "random:7", 1, 1, False),
        ("architecture", "victim", 10, 10, False),
        ("stratum", "same-data", 10, 10, False),
    ],
)
def test_an_architecture_of_which_strangers_would_be_accused_is_not_fit(by, name, accused, n, unfit):
    found = Strangers(
        by=by,
        name=name,
        accused=accused,
        n=n,
        families=n,
        families_accused=accused,
        level=0.1,
        interval=clopper_pearson(accused, n),
    )
    looked = look_at_strangers([found])
    assert [each.note.code for each in looked] == (["architecture-accused"] if unfit else [])
    if unfit:
        assert "'paper:arc-b' were not calibrated, 4 of 10 would be called derived at level 0.1" in looked[0].note.text


def test_the_confidence_is_shared_among_all_that_is_looked_at():
    def of(accused: int, n: int) -> Strangers:
        share = {"accused": accused, "n": n, "families": n, "families_accused": accused, "level": 0.1}
        return Strangers(by="architecture", name=f"paper:{n}", interval=clopper_pearson(accused, n), **share)

    quiet = [of(0, 5)] * 7
    assert look_at_strangers([of(2, 2)])
    assert not look_at_strangers([of(2, 2), *quiet])
    assert look_at_strangers([of(3, 3), *quiet])
    assert look_at_strangers([of(2, 2), *[of(0, 1)] * 7]), "what cannot alarm takes no share"
