"""Another calibration for an enrolment: from another zoo, from files, and through filters; the victim is not needed."""

from __future__ import annotations

import shutil
from pathlib import Path

import attrs
import pytest
import torch
from safetensors.torch import load_file

import fpframe
from fpframe.base.note import Note
from fpframe.enrolment.calibration import PLAIN
from fpframe.enrolment.enrolment import Enrolment
from fpframe.enrolment.recalibrate import refuse_accused
from fpframe.errors import DataError, ModelError, RecipeError, UsageError
from fpframe.recipe.recipe import Recipe


@pytest.fixture(scope="module")
def enrolment(tiny_enrolment) -> Enrolment:
    return Enrolment.open(tiny_enrolment)


@pytest.fixture(scope="module")
def zoo(tiny_store):
    return fpframe.plan_zoo("tiny", run=fpframe.Run(store=tiny_store)).build()


def of(zoo, stratum, split="calibrate"):
    return [zoo.load(model) for model in zoo.models if (model.split, model.stratum) == (split, stratum)]


@pytest.fixture(scope="module")
def exported(zoo, tmp_path_factory) -> Path:
    """Nine independent models as safetensors in a folder, sorted by hand."""
    folder = tmp_path_factory.mktemp("own")
    for number, model in enumerate(of(zoo, "same-data")):
        fpframe.save_weights(model, folder / f"{number}.safetensors")
    return folder


def own(folder: Path) -> fpframe.Independents:
    return fpframe.Independents(folder, backbone="paper:arc-e")


def test_calibrating_on_the_enrolments_own_recipe_gives_the_same_calibration(enrolment, tiny_store):
    again = fpframe.calibrate(enrolment, run=fpframe.Run(store=tiny_store))
    assert again.digest == enrolment.digest


def test_another_zoo_calibrates_without_the_victim(enrolment, tiny_store, monkeypatch, zoo):
    def refuse(*args, **kwargs):
        raise AssertionError("the victim was trained or loaded")

    monkeypatch.setattr("fpframe.zoo.setting.train_victim", refuse)
    recipe = Recipe.load("tiny")
    fewer = attrs.evolve(
        recipe,
        name="fewer",
        independent=tuple(attrs.evolve(g, fit=0, test=0) for g in recipe.independent if g.stratum == "same-data"),
        derived=(),
    )
    made = fpframe.calibrate(enrolment, recipe=fewer, run=fpframe.Run(store=tiny_store))
    assert made.calibration.counts == {"same-data": 9}
    assert made.strata("probs")["same-data"] == enrolment.strata("probs")["same-data"]
    assert made.calibration.source == "recipe fewer, seed 0"
    assert any("Stratum 'attacked' is absent" in note.text for note in made.caveats)
    verdict = fpframe.verify(made, of(zoo, "finetune(all)", "test")[0])
    assert set(verdict.decision.strata) == {"same-data"}


def test_too_few_models_for_alpha_are_refused_before_anything_is_trained(enrolment, tmp_path):
    recipe = Recipe.load("tiny")
    few = attrs.evolve(recipe, independent=tuple(attrs.evolve(g, calibrate=3) for g in recipe.independent))
    with pytest.raises(UsageError, match="9 are needed in every stratum"):
        fpframe.calibrate(enrolment, recipe=few, run=fpframe.Run(store=tmp_path / "empty"))
    none = attrs.evolve(recipe, independent=tuple(attrs.evolve(g, calibrate=0) for g in recipe.independent))
    with pytest.raises(RecipeError, match="no independent models in 'calibrate'"):
        fpframe.calibrate(enrolment, recipe=none, run=fpframe.Run(store=tmp_path / "empty"))
    assert not (tmp_path / "empty").exists()


@pytest.mark.slow
def test_a_filter_that_changes_images_is_calibrated_and_then_detected(enrolment, tiny_store, registry, zoo, tmp_path):
    made = fpframe.calibrate(enrolment, through=["flip(0.5)"], run=fpframe.Run(store=tiny_store))
    made.save(tmp_path / "flip.enrolment")
    assert made.strata("probs") == enrolment.strata("probs")
    assert made.strata("probs", "flip(0.5)") != made.strata("probs")
    flip = registry.create("filter", "flip", probability=0.5)
    suspect = flip.wrap(of(zoo, "finetune(all)", "test")[0].as_query(), seed=0)
    verdict = fpframe.verify(tmp_path / "flip.enrolment", suspect)
    assert verdict.through == "flip(0.5)"
    assert verdict.decision.strata["attacked"].n == 9
    assert any("change between repeats as flip(0.5) changes them" in note.text for note in verdict.caveats)


@pytest.mark.slow
def test_a_new_calibration_keeps_the_filters_of_the_old_one(enrolment, tiny_store, exported):
    first = fpframe.calibrate(enrolment, through=["blur(1.0)"], run=fpframe.Run(store=tiny_store))
    again = fpframe.calibrate(first, independents=own(exported), through=["round(2)"])
    assert list(again.calibration.answers) == ["", *list(first.calibration.answers)[1:], "round(2)"]


@pytest.mark.slow
def test_another_seed_draws_other_models_and_divides_the_data_as_before(enrolment, tiny_store, tmp_path):
    recipe = Recipe.load("tiny")
    few = tuple(attrs.evolve(g, calibrate=9) for g in recipe.independent if g.stratum == "same-data")
    other = attrs.evolve(recipe, seed=1, independent=few, derived=(), partition=fpframe.recipe.recipe.Partition(pool=3))
    made = fpframe.calibrate(enrolment, recipe=other, run=fpframe.Run(store=tmp_path))
    assert made.calibration.source == "recipe tiny, seed 1"
    ours, theirs = enrolment.strata("probs")["same-data"], made.strata("probs")["same-data"]
    assert set(ours.scores).isdisjoint(theirs.scores)
    again = fpframe.plan_zoo(attrs.evolve(other, seed=0), run=fpframe.Run(store=tmp_path), splits=("calibrate",))
    assert again.outlook().missing, "with the seed of the enrolment they are other models"
    with pytest.raises(DataError, match="name a recipe for the same data"):
        fpframe.calibrate(enrolment, recipe="small", run=fpframe.Run(store=tmp_path, data_root=tmp_path))


def test_an_enrolment_on_other_images_is_refused(enrolment, tiny_store):
    strange = attrs.evolve(enrolment, victim={**enrolment.victim, "pool": "0" * 64})
    with pytest.raises(DataError, match="are not those of the enrolment"):
        fpframe.calibrate(strange, run=fpframe.Run(store=tiny_store))


def test_an_enrolment_whose_ability_was_measured_by_other_labels_is_refused(enrolment, tiny_store):
    assert enrolment.ability is not None
    others = attrs.evolve(enrolment.ability, truth=(enrolment.ability.truth + 1) % 10)
    with pytest.raises(DataError, match="ability was measured on, or their labels, are not those of the enrolment"):
        fpframe.calibrate(attrs.evolve(enrolment, ability=others), run=fpframe.Run(store=tiny_store))


def test_own_independent_models_calibrate(enrolment, exported, zoo):
    made = fpframe.calibrate(enrolment, independents=own(exported))
    assert made.calibration.counts == {"own-independents": 9}
    ours = made.strata("probs")["own-independents"].scores
    assert sorted(ours) == pytest.approx(sorted(enrolment.strata("probs")["same-data"].scores), abs=1e-6)
    assert fpframe.verify(made, of(zoo, "finetune(all)", "test")[0]).verdict == "DERIVED"


@pytest.mark.slow
def test_networks_of_every_kind_of_file_calibrate_together(enrolment, exported, zoo, tmp_path):
    chosen = {"onnx": tmp_path / "onnx", "pt2": tmp_path / "pt2"}
    folder = Path(shutil.copytree(exported, tmp_path / "mixed"))
    ours = next(model for model in zoo.models if (model.split, model.stratum) == ("calibrate", "same-data"))
    for format, out in chosen.items():
        fpframe.export_zoo(attrs.evolve(zoo, models=(ours,)), out, format=format)
        shutil.copy(next(out.glob(f"*.{format}")), folder)
        (folder / "0.safetensors").unlink(missing_ok=True)
        if format == "pt2":
            with pytest.raises(UsageError, match=r"can run its author's code .*say --trust-code"):
                fpframe.calibrate(enrolment, independents=own(folder))
        made = fpframe.calibrate(enrolment, independents=attrs.evolve(own(folder), trust_code=True))
        assert made.calibration.counts == {"own-independents": 9}
        assert sorted(made.strata("probs")["own-independents"].scores) == pytest.approx(
            sorted(enrolment.strata("probs")["same-data"].scores), abs=1e-4
        )
        next(folder.glob(f"*.{format}")).unlink()


def test_folders_tell_strata_and_families(enrolment, exported, tmp_path):
    for number in range(9):
        place = tmp_path / "rivals" / ("one-origin" if number < 2 else f"origin-{number}")
        place.mkdir(parents=True, exist_ok=True)
        shutil.copy(exported / f"{number}.safetensors", place)
    with pytest.raises(UsageError, match="9 independent calibration models of 8 families"):
        fpframe.calibrate(enrolment, independents=own(tmp_path))
    (tmp_path / "rivals" / "origin-9").mkdir()
    Path(tmp_path / "rivals" / "one-origin" / "1.safetensors").rename(
        tmp_path / "rivals" / "origin-9" / "1.safetensors"
    )
    made = fpframe.calibrate(enrolment, independents=own(tmp_path))
    [stratum] = made.strata("probs").values()
    assert (made.calibration.counts, stratum.units) == ({"rivals": 9}, 9)


@pytest.mark.slow
def test_an_exported_zoo_says_itself_what_its_models_are(enrolment, tiny_store, tmp_path):
    plan = fpframe.plan_zoo("tiny", run=fpframe.Run(store=tiny_store), splits=("calibrate",))
    fpframe.export_zoo(plan.build(), tmp_path / "zoo", format="safetensors")
    made = fpframe.calibrate(enrolment, independents=tmp_path / "zoo")
    assert made.calibration.counts == enrolment.calibration.counts
    for name, stratum in enrolment.strata("probs").items():
        assert sorted(made.strata("probs")[name].scores) == pytest.approx(sorted(stratum.scores), abs=1e-6)
        assert made.strata("probs")[name].units == stratum.units


def test_the_victim_and_copies_are_no_independent_models(enrolment, exported, zoo, tmp_path):
    folder = Path(shutil.copytree(exported, tmp_path / "with-victim"))
    fpframe.save_weights(zoo.workspace.victim.classifier, folder / "victim.safetensors")
    with pytest.raises(ModelError, match=r"answers exactly as the victim does \(.*victim.safetensors\)"):
        fpframe.calibrate(enrolment, independents=own(folder))
    folder = Path(shutil.copytree(exported, tmp_path / "with-copy"))
    shutil.copy(folder / "0.safetensors", folder / "copy.safetensors")
    with pytest.raises(ModelError, match="two models give exactly the same answers"):
        fpframe.calibrate(enrolment, independents=own(folder))


def test_a_model_of_another_task_cannot_calibrate(enrolment, exported, registry, tmp_path):
    folder = Path(shutil.copytree(exported, tmp_path / "with-junk"))
    junk = registry.create("backbone", "paper").build("arc-e", num_classes=10, image_shape=(1, 8, 8), seed=0)
    fpframe.save_weights(junk, folder / "junk.safetensors")
    with pytest.raises(ModelError, match=r"this model cannot calibrate \(.*junk.safetensors\)"):
        fpframe.calibrate(enrolment, independents=own(folder))


@pytest.mark.slow
def test_own_models_that_are_less_able_than_the_victim_do_not_calibrate(
    enrolment, exported, registry, digits, tmp_path
):
    folder = Path(shutil.copytree(exported, tmp_path / "weak"))
    for number in range(9):
        weak = fpframe.build_backbone(registry, "paper:arc-e", 10, digits.image_shape, seed=number)
        weak.module.load_state_dict(load_file(exported / f"{number}.safetensors"))
        torch.manual_seed(number)
        while weak.accuracy(digits.test.pixels, digits.test.labels) > 0.6:
            with torch.no_grad():
                for weight in weak.module.parameters():
                    weight += 0.1 * weight.std(correction=0) * torch.randn_like(weight)
        fpframe.save_weights(weak, folder / f"weak-{number}.safetensors")
    made = fpframe.calibrate(enrolment, independents=own(folder))
    assert made.calibration.counts == {"own-independents": 9}
    assert len(made.ability.left_out) == 9
    assert any("9 independent models that are clearly less able than the victim" in note.text for note in made.caveats)
    for path in folder.glob("[0-9].safetensors"):
        path.unlink()
    with pytest.raises(UsageError, match="9 calibration models of stratum 'own-independents' 0 are as able"):
        fpframe.calibrate(enrolment, independents=own(folder))


def test_folders_without_models_and_two_sources_are_refused(enrolment, tmp_path):
    with pytest.raises(DataError, match="no such folder"):
        fpframe.calibrate(enrolment, independents=tmp_path / "nowhere")
    with pytest.raises(DataError, match="no independent models"):
        fpframe.calibrate(enrolment, independents=tmp_path)
    with pytest.raises(UsageError, match="leave out one of them"):
        fpframe.calibrate(enrolment, independents=tmp_path, recipe="tiny")
    (tmp_path / "a" / "b" / "c").mkdir(parents=True)
    (tmp_path / "a" / "b" / "c" / "deep.onnx").touch()
    with pytest.raises(DataError, match="lies too deep"):
        fpframe.calibrate(enrolment, independents=tmp_path)


def accusing(enrolment: Enrolment, accepted: tuple[Note, ...]) -> Enrolment:
    """Return an enrolment where six calibration models of one architecture answer nearly as the victim does."""
    calibration = enrolment.calibration
    rows = calibration.rows["other-architecture"][:6]
    models, answers = list(calibration.models), calibration.answers[PLAIN].clone()
    for row in rows:
        models[row] = attrs.evolve(models[row], name="train[random:1, seed=3]", family=f"alike {row}")
        answers[row] = 0.8 * enrolment.victim_answers + 0.2 * answers[row]  # each its own way, or they are one family
    assert enrolment.fitness is not None
    return attrs.evolve(
        enrolment,
        calibration=attrs.evolve(calibration, models=tuple(models), answers={PLAIN: answers}),
        ability=None,  # none of them is abler than others, so that their scores alone decide
        fitness=attrs.evolve(enrolment.fitness, accepted=accepted),
    )


def test_a_calibration_that_accuses_an_architecture_is_refused_unless_the_owner_accepted_that(enrolment):
    with pytest.raises(UsageError, match=r"'random:1' were not calibrated, 6 of 6 .*accept it where the victim is enr"):
        refuse_accused(accusing(enrolment, ()))


def test_the_caveat_of_an_accused_architecture_is_about_the_models_that_calibrate_now(enrolment):
    known = (Note("zoo-disagrees", "The owner knows."), Note("architecture-accused", "Of the models of then."))
    accused = refuse_accused(accusing(enrolment, known)).fitness.accepted
    assert [note.code for note in accused] == ["zoo-disagrees", "architecture-accused"]
    assert "'random:1'" in accused[1].text
    cleared = refuse_accused(attrs.evolve(enrolment, fitness=attrs.evolve(enrolment.fitness, accepted=known)))
    assert cleared.fitness.accepted == known[:1]


# --- beside the models that calibrate already


@pytest.fixture(scope="module")
def further(zoo, tmp_path_factory) -> Path:
    """Nine models of a stratum that the recipe does not have, from copies of independent ones that were disturbed."""
    folder = tmp_path_factory.mktemp("further")
    (folder / "same-base").mkdir()
    for number, model in enumerate(of(zoo, "disjoint-data")):
        torch.manual_seed(number)
        with torch.no_grad():
            for weight in model.module.parameters():
                weight += 0.02 * weight.std(correction=0) * torch.randn_like(weight)
        fpframe.save_weights(model, folder / "same-base" / f"{number}.safetensors")
    return folder


@pytest.mark.slow
def test_models_are_added_to_those_that_calibrate(enrolment, further, zoo, tmp_path):
    added = attrs.evolve(own(further), add=True)
    made = fpframe.calibrate(enrolment, independents=added)
    assert made.calibration.counts == {**enrolment.calibration.counts, "same-base": 9}
    for channel in enrolment.encoders:
        assert {name: made.strata(channel)[name] for name in enrolment.strata(channel)} == enrolment.strata(channel)
    assert len(made.ability.models) == len(made.calibration.models)
    assert made.calibration.source == f"recipe tiny, seed 0; 9 models of the folder '{further.name}'"
    made.save(tmp_path / "added.enrolment")
    assert Enrolment.open(tmp_path / "added.enrolment").digest == made.digest
    for stratum, split in [("finetune(all)", "test"), ("same-data", "test")]:
        suspect = of(zoo, stratum, split)[0]
        before, after = fpframe.verify(enrolment, suspect), fpframe.verify(made, suspect)
        assert set(after.decision.strata) == {*before.decision.strata, "same-base"}
        assert after.p_value >= before.p_value, "a further stratum only makes an accusation harder"


@pytest.mark.slow
def test_what_calibrates_already_is_not_added_again(enrolment, exported, further):
    with pytest.raises(ModelError, match=r"this model calibrates already \(.*0.safetensors\): it answers exactly as"):
        fpframe.calibrate(enrolment, independents=attrs.evolve(own(exported), add=True))
    made = fpframe.calibrate(enrolment, independents=attrs.evolve(own(further), add=True))
    with pytest.raises(ModelError, match="this model calibrates already"):
        fpframe.calibrate(made, independents=attrs.evolve(own(further), add=True))


def test_models_are_not_added_through_a_filter_that_the_others_were_not_asked_through(enrolment, further):
    added = attrs.evolve(own(further), add=True)
    with pytest.raises(
        UsageError, match=r"were not asked through 'blur\(1.0\)'; calibrate on them with --through first"
    ):
        fpframe.calibrate(enrolment, independents=added, through=["blur(1.0)"])
