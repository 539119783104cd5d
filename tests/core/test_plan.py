"""Which models a recipe asks for, and that nothing leaks from one split into another."""

from collections import Counter

import attrs
import pytest

from fpframe import ParameterError, Recipe, RecipeError, Training
from fpframe.recipe import SPLITS, DerivedGroup, IndependentGroup, VictimRecipe, presets
from fpframe.zoo import plan_zoo, victim_model

PRESETS = {name: Recipe.load(name) for name in presets()}
every_preset = pytest.mark.parametrize("recipe", PRESETS.values(), ids=PRESETS)

RECIPE = Recipe(
    name="small",
    independent=(
        IndependentGroup(stratum="same-data", fit=1, calibrate=2, test=1),
        IndependentGroup(stratum="other-architecture", fit=1, calibrate=2, backbones=("a:1", "a:2")),
        IndependentGroup(stratum="other-teacher", calibrate=9, backbones=("victim", "a:1", "a:2")),
    ),
    derived=(
        DerivedGroup(attack="extraction", fit=3, test=2, backbones=("victim", "a:1"), test_backbones=("a:9",)),
        DerivedGroup(attack="extraction", fit=1, params={"queries": "noise", "budget": 5}),
    ),
)

#: One architecture for everything, so that nothing but the split tells its splits apart.
ALIKE = Recipe(
    name="alike",
    independent=tuple(
        IndependentGroup(stratum=stratum, fit=2, calibrate=2, test=2)
        for stratum in ("same-data", "other-architecture", "other-teacher")
    ),
    derived=(DerivedGroup(attack="extraction", fit=2, test=2),),
)


def by_split(recipe, value):
    """Return what the models of each split have of something."""
    found = {split: {value(model) for model in plan_zoo(recipe, splits=[split])} for split in SPLITS}
    assert all(found.values())
    return found


def shared(found):
    """Return what occurs in two splits."""
    counts = Counter(item for items in found.values() for item in items)
    return [item for item, count in counts.items() if count > 1]


def unit(model):
    return (model.attack and model.stratum, model.backbone, model.seed)


# --- what is asked for


@every_preset
def test_every_group_of_a_preset_gets_its_number_of_models_in_every_split(recipe):
    counts = Counter((model.split, model.relation, model.stratum) for model in plan_zoo(recipe))
    for split in SPLITS:
        for group in recipe.independent:
            assert counts[split, "independent", group.stratum] == group.count(split)
        derived = sum(
            count for (where, relation, _), count in counts.items() if (where, relation) == (split, "derived")
        )
        assert derived == sum(group.count(split) for group in recipe.derived)


@every_preset
def test_splits_are_planned_the_same_alone_as_together(recipe):
    assert plan_zoo(recipe) == [model for split in SPLITS for model in plan_zoo(recipe, splits=[split])]


@every_preset
def test_another_seed_gives_every_model_another_seed(recipe):
    seeds = {model.seed for model in plan_zoo(recipe)}
    other = {model.seed for model in plan_zoo(attrs.evolve(recipe, seed=recipe.seed + 1))}
    assert not seeds & other


def test_architectures_are_taken_in_turn():
    fit = [model.backbone for model in plan_zoo(RECIPE, splits=["fit"]) if model.relation == "derived"]
    assert fit == ["victim", "a:1", "victim", "victim"]
    test = [model.backbone for model in plan_zoo(RECIPE, splits=["test"]) if model.relation == "derived"]
    assert test == ["a:9", "a:9"]


def test_independent_models_learn_from_the_victims_part_and_thieves_from_their_own():
    models = plan_zoo(RECIPE)
    assert {model.data for model in models if model.attack is None} == {"victim"}
    assert {model.data for model in models if model.attack is not None} == {"thief"}


def test_a_stratum_that_is_absent_is_not_planned_and_teaches_nobody():
    models = plan_zoo(RECIPE, absent=["same-data"])
    assert "same-data" not in {model.stratum for model in models}
    assert {m.teacher.stratum for m in models if m.teacher} == {"other-architecture"}
    assert not [m for m in plan_zoo(RECIPE, absent=["other-teacher"]) if m.teacher]


def test_two_groups_of_one_stratum_never_ask_for_one_model_twice():
    twice = attrs.evolve(RECIPE, independent=RECIPE.independent * 2)
    seeds = Counter(model.seed for model in plan_zoo(twice))
    assert max(seeds.values()) == 1
    assert Counter(m.stratum for m in plan_zoo(twice, splits=["calibrate"])) == {
        "same-data": 4,
        "other-architecture": 4,
        "other-teacher": 18,
    }


def test_the_victim_is_trained_by_the_recipes_training_unless_it_has_its_own():
    assert victim_model(RECIPE).training == RECIPE.training
    own = attrs.evolve(RECIPE, victim=VictimRecipe(backbone="a:7", training=Training(epochs=99)))
    assert (victim_model(own).backbone, victim_model(own).training.epochs) == ("a:7", 99)
    assert victim_model(own).seed not in {model.seed for model in plan_zoo(own)}


@pytest.mark.parametrize(
    ("change", "missing"),
    [
        ({"independent": RECIPE.independent[2:]}, "no same-data or other-architecture models to teach"),
        ({"derived": ()}, r"no \[\[derived\]\] attack"),
    ],
)
def test_students_without_teachers_or_attacks_are_refused(change, missing):
    with pytest.raises(RecipeError, match=f"split 'calibrate' of recipe 'small' wants other-teacher .* has {missing}"):
        plan_zoo(attrs.evolve(RECIPE, **change))


# --- nothing leaks


@pytest.mark.parametrize("recipe", [*PRESETS.values(), ALIKE], ids=[*PRESETS, "alike"])
@pytest.mark.parametrize("value", [lambda m: m.family, lambda m: m.seed, unit], ids=["family", "seed", "unit"])
def test_no_family_no_seed_and_no_unit_stands_in_two_splits(recipe, value):
    assert shared(by_split(recipe, value)) == []


@every_preset
def test_no_two_models_of_a_preset_are_one_and_the_same(recipe):
    assert max(Counter(model.seed for model in plan_zoo(recipe)).values()) == 1


@every_preset
def test_students_of_other_teachers_have_teachers_of_their_own_split_and_share_their_family(recipe):
    models = plan_zoo(recipe)
    students = [model for model in models if model.teacher is not None]
    assert students
    for student in students:
        assert (student.split, student.family) == (student.teacher.split, student.teacher.family)
        assert (student.relation, student.stratum, student.teacher.relation) == (
            "independent",
            "other-teacher",
            "independent",
        )
        assert models.index(student.teacher) < models.index(student)


@every_preset
def test_every_teacher_teaches_once_before_one_teaches_twice(recipe):
    for split in SPLITS:
        models = plan_zoo(recipe, splits=[split])
        lessons = Counter(model.seed for model in models if model.attack is None and model.relation == "independent")
        taught = [model.teacher.seed for model in models if model.teacher is not None]
        lessons.update(taught)
        assert max(lessons.values()) - min(lessons.values()) <= 1


@every_preset
def test_students_of_other_teachers_are_made_with_every_thiefs_recipe(recipe):
    attacks = {str(group.params) for group in recipe.derived}
    students = [m for m in plan_zoo(recipe, splits=["calibrate"]) if m.teacher is not None]
    assert {str(student.attack.params) for student in students} == attacks


@every_preset
def test_the_test_split_has_architectures_that_fit_has_not(recipe):
    for relation in ("independent", "derived"):
        backbones = {
            split: {m.backbone for m in plan_zoo(recipe, splits=[split]) if m.relation == relation}
            for split in ("fit", "test")
        }
        assert backbones["test"] - backbones["fit"], relation


@every_preset
def test_calibration_is_made_of_independent_models_alone_and_reaches_the_presets_alpha(recipe):
    from fpframe.decision import StratumScores, require_alpha

    models = plan_zoo(recipe, splits=["calibrate"])
    assert {model.relation for model in models} == {"independent"}
    strata = {}
    for model in models:
        strata.setdefault(model.stratum, []).append(model.family)
    require_alpha(
        recipe.alpha,
        {name: StratumScores(scores=(0.0,) * len(f), families=tuple(f)) for name, f in strata.items()},
    )


# --- in words


def test_the_lineage_tells_how_a_model_came_to_be():
    models = plan_zoo(RECIPE)
    told = {model.stratum: model.lineage for model in models}
    assert victim_model(RECIPE).lineage == "train[paper:arc-a]"
    assert told["other-architecture"] == "train[a:2]"
    assert told["extraction()"] == "victim->extraction()[a:9]"
    assert (
        told["extraction(budget=5,queries=noise)"]
        == "victim->extraction(budget=5,queries=noise)[victim's architecture]"
    )
    student = next(model for model in models if model.teacher is not None and model.attack.params)
    architecture = student.backbone.replace("victim", "victim's architecture")
    assert student.lineage == f"{student.teacher.lineage}->extraction(budget=5,queries=noise)[{architecture}]"
    assert student.lineage.startswith("train[")


def test_students_of_other_teachers_have_teachers_of_every_stratum_in_every_split():
    for preset in presets():
        recipe = Recipe.load(preset)
        for split in ("calibrate", "test"):
            teachers = {m.teacher.stratum for m in plan_zoo(recipe, splits=[split]) if m.teacher is not None}
            assert teachers == {"same-data", "other-architecture"}


def test_an_attack_that_is_kept_for_the_test_reaches_no_student_of_the_fit_split():
    kept = DerivedGroup(attack="kept", test=2)
    shown = DerivedGroup(attack="shown", fit=2, test=2)
    groups = tuple(
        IndependentGroup(stratum=stratum, fit=4, calibrate=4, test=4)
        for stratum in ("same-data", "other-architecture", "other-teacher")
    )
    models = plan_zoo(Recipe(name="r", independent=groups, derived=(kept, shown)))
    attacks = {split: {m.attack.name for m in models if m.attack and m.split == split} for split in SPLITS}
    assert attacks == {"fit": {"shown"}, "calibrate": {"kept", "shown"}, "test": {"kept", "shown"}}


def test_a_derived_model_cannot_calibrate():
    with pytest.raises(ParameterError, match="'calibrate'"):
        DerivedGroup(attack="extraction", calibrate=1)
