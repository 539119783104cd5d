"""Which models a recipe asks for, and that nothing leaks from one split into another."""

import re
from collections import Counter
from itertools import pairwise

import attrs
import pytest

from fpframe import Lineage, ParameterError, PluginError, Recipe, RecipeError, Training
from fpframe.models import SCHEDULES
from fpframe.recipe.recipe import SPLITS, DerivedGroup, IndependentGroup, VictimRecipe, presets
from fpframe.registry.strata import STRATA
from fpframe.zoo.model import victim_model
from fpframe.zoo.planner import plan_models

PRESETS = {
    name: Recipe.load(name)
    for preset in presets()
    for name in ([f"certify:{stratum}" for stratum in STRATA] if preset == "certify" else [preset])
}
every_preset = pytest.mark.parametrize("recipe", PRESETS.values(), ids=PRESETS)

#: Strata whose models are made from other independent ones, or from labels with a thief's recipe.
MADE = ("other-teacher", "thief-recipe", "attacked")

RECIPE = Recipe(
    name="small",
    independent=(
        IndependentGroup(stratum="same-data", fit=1, calibrate=2, test=1),
        IndependentGroup(stratum="other-architecture", fit=1, calibrate=2, backbones=("a:1", "a:2")),
        IndependentGroup(stratum="other-teacher", calibrate=9, backbones=("victim", "a:1", "a:2")),
    ),
    derived=(
        DerivedGroup(attack="extract", fit=3, test=2, backbones=("victim", "a:1"), test_backbones=("a:9",)),
        DerivedGroup(attack="extract-noise(soft, budget=5)", fit=1),
        DerivedGroup(attack="finetune(all)", fit=1),
    ),
)

#: One architecture for everything, so that nothing but the split tells its splits apart.
ALIKE = Recipe(
    name="alike",
    independent=tuple(
        IndependentGroup(stratum=stratum, fit=2, calibrate=2, test=2) for stratum in (*STRATA, "overlap(0.5)")
    ),
    derived=(
        DerivedGroup(attack="extract", fit=2, test=2),
        DerivedGroup(attack="finetune(all)->extract", fit=2, test=2),
        DerivedGroup(attack="finetune(all)", fit=2, test=2),
        DerivedGroup(attack="input-noise", fit=2, test=2),
    ),
)


@pytest.fixture
def plan(registry):
    """Plan with the installed plugins."""
    return lambda recipe, **options: plan_models(recipe, registry, **options)


def by_split(plan, recipe, value):
    """Return what the models of each split have of something."""
    found = {split: {value(model) for model in plan(recipe, splits=[split])} for split in SPLITS}
    assert all(found.values())
    return found


def shared(found):
    """Return what occurs in two splits."""
    counts = Counter(item for items in found.values() for item in items)
    return [item for item, count in counts.items() if count > 1]


def attack_of(model):
    """Return what a thief's recipe was: the steps that are no training, without seed or architecture."""
    steps = [step for step in model.lineage.steps if step.name not in ("victim", "train", "labels")]
    return "->".join(attrs.evolve(step, backbone=None).text(exact=False) for step in steps)


def unit(model):
    return (attack_of(model), model.lineage.architecture, tuple(step.seed for step in model.lineage.steps))


def own_seeds(model):
    """Return the seeds of the steps that were done for this model alone, which are those after a shared teacher."""
    made = model.stratum in ("other-teacher", "attacked")
    return [step.seed for step in model.lineage.steps if step.name not in ("victim", "labels")][1 if made else 0 :]


def of(models, stratum):
    return [model for model in models if model.stratum == stratum]


# --- what is asked for


@every_preset
def test_every_stratum_of_a_preset_gets_the_number_of_models_of_its_groups_in_every_split(plan, recipe):
    counts = Counter((model.split, model.relation, model.stratum) for model in plan(recipe))
    for split in SPLITS:
        wanted: Counter[str] = Counter()
        for group in recipe.independent:
            wanted[group.stratum] += group.count(split)
        for stratum, count in wanted.items():
            assert counts[split, "independent", stratum] == count
        derived = sum(
            count for (where, relation, _), count in counts.items() if (where, relation) == (split, "derived")
        )
        assert derived == sum(group.count(split) for group in recipe.derived)


@every_preset
def test_splits_are_planned_the_same_alone_as_together(plan, recipe):
    assert plan(recipe) == [model for split in SPLITS for model in plan(recipe, splits=[split])]


@every_preset
def test_another_seed_gives_every_model_another_seed(plan, recipe):
    seeds = {seed for model in plan(recipe) for seed in own_seeds(model)}
    other = {seed for model in plan(attrs.evolve(recipe, seed=recipe.seed + 1)) for seed in own_seeds(model)}
    assert not seeds & other


def test_architectures_are_taken_in_turn(plan):
    fit = [m.lineage.architecture for m in plan(RECIPE, splits=["fit"]) if m.relation == "derived"]
    assert fit == ["victim", "a:1", "victim", "victim", "victim"]
    test = [m.lineage.architecture for m in plan(RECIPE, splits=["test"]) if m.relation == "derived"]
    assert test == ["a:9", "a:9"]


@pytest.mark.parametrize(("thieves", "backbones"), [(1, 3), (2, 3), (3, 3), (4, 2), (5, 3), (2, 4)])
@pytest.mark.parametrize("stratum", ["other-teacher", "thief-recipe"])
def test_each_thiefs_recipe_meets_each_architecture_and_a_few_models_have_several(plan, thieves, backbones, stratum):
    names = tuple(f"a:{number}" for number in range(backbones))
    recipe = attrs.evolve(
        ALIKE,
        independent=(
            IndependentGroup(stratum="same-data", fit=2),
            IndependentGroup(stratum=stratum, fit=thieves * backbones, backbones=names),
        ),
        derived=tuple(DerivedGroup(attack=f"extract(soft, budget={10 + n})", fit=1) for n in range(thieves)),
    )
    students = of(plan(recipe, splits=["fit"]), stratum)
    assert len({(attack_of(m), m.lineage.architecture) for m in students}) == thieves * backbones
    assert len({m.lineage.architecture for m in students[:backbones]}) == backbones


def test_every_model_is_made_from_the_part_that_its_kind_owns(plan):
    models = plan(ALIKE, splits=["fit"])
    first = {stratum: {model.lineage.steps[0].data for model in of(models, stratum)} for stratum in STRATA}
    assert first == {
        "same-data": {"victim"},
        "disjoint-data": {"thief"},
        "other-architecture": {"victim"},
        "other-teacher": {"victim"},
        "thief-recipe": {""},
        "attacked": {"victim", "thief"},
    }
    assert {model.lineage.last.data for model in of(models, "overlap(0.5)")} == {"overlap:0.5"}
    later = {step.data for model in models for step in model.lineage.steps[1:] if step.name != "input-noise"}
    assert later == {"thief"}


# --- architectures that are left to chance


def drawn_recipe(**changes):
    """Return a recipe in which every group that may leaves its architectures to chance."""
    groups = tuple(
        attrs.evolve(group, backbones=("random:*",))
        for group in ALIKE.independent
        if group.stratum in ("same-data", "other-architecture", "other-teacher", "thief-recipe")
    )
    thieves = (DerivedGroup(attack="extract", fit=3, test=2, backbones=("victim", "random:*")),)
    return attrs.evolve(ALIKE, independent=groups, derived=thieves, **changes)


def test_no_two_models_share_an_architecture_that_is_left_to_chance(plan):
    models = plan(drawn_recipe())
    students = ("other-teacher", "thief-recipe", "same-data", "other-architecture", "extract(soft)")
    assert {model.stratum for model in models} == set(students)
    drawn = [a for a in (model.lineage.architecture for model in models) if a != "victim"]
    assert all(re.fullmatch(r"random:\d{1,9}", address) for address in drawn)
    assert len(set(drawn)) == len(drawn) == 4 * 6 + 1 + 1


def test_the_recipes_seed_decides_the_architectures_that_are_left_to_chance(plan):
    first, again, other = (
        [model.lineage.architecture for model in plan(drawn_recipe(seed=seed))] for seed in (0, 0, 1)
    )
    assert first == again
    assert not (set(first) & set(other)) - {"victim"}


def test_a_second_group_of_a_stratum_draws_other_architectures(plan):
    [group] = [g for g in drawn_recipe().independent if g.stratum == "other-architecture"]
    models = plan(attrs.evolve(ALIKE, independent=(group, group), derived=()))
    assert len({model.lineage.architecture for model in models}) == 12


def test_only_architectures_that_a_seed_draws_are_left_to_chance(plan):
    group = IndependentGroup(stratum="other-architecture", fit=1, backbones=("paper:*",))
    with pytest.raises(
        RecipeError, match=r"architectures of 'paper:\*' are not drawn by a seed .*name one, or write ran"
    ):
        plan(attrs.evolve(ALIKE, independent=(group,)))


def test_a_stratum_that_is_absent_is_not_planned_and_teaches_nobody(plan):
    models = plan(RECIPE, without=["same-data"])
    assert "same-data" not in {model.stratum for model in models}
    assert {m.lineage.steps[0].backbone for m in of(models, "other-teacher")} == {"a:1", "a:2"}
    assert not of(plan(RECIPE, without=["other-teacher"]), "other-teacher")


def test_two_groups_of_one_stratum_never_ask_for_one_model_twice(plan):
    twice = attrs.evolve(RECIPE, independent=RECIPE.independent * 2)
    models = plan(twice)
    assert len({model.lineage for model in models}) == len(models)
    assert max(Counter(seed for model in models for seed in own_seeds(model)).values()) == 1
    assert Counter(m.stratum for m in plan(twice, splits=["calibrate"])) == {
        "same-data": 4,
        "other-architecture": 4,
        "other-teacher": 18,
    }


def test_two_groups_of_one_attack_never_ask_for_one_model_twice(plan):
    twice = attrs.evolve(ALIKE, derived=ALIKE.derived * 2, independent=())
    models = plan(twice, splits=["fit", "test"])
    assert len({model.lineage for model in models}) == len(models) == 32


def test_every_step_of_one_model_has_a_seed_of_its_own(plan):
    recipe = attrs.evolve(ALIKE, derived=(DerivedGroup(attack="finetune(all)->weight-noise->extract", fit=1, test=1),))
    for model in plan(recipe, without=["attacked"]):
        seeds = [step.seed for step in model.lineage.steps if step.name not in ("victim", "labels")]
        assert len(set(seeds)) == len(seeds)


def test_the_victim_is_trained_by_the_recipes_training_unless_it_has_its_own(plan):
    assert victim_model(RECIPE).training == RECIPE.training
    own = attrs.evolve(RECIPE, victim=VictimRecipe(backbone="a:7", training=Training(epochs=99)))
    assert (victim_model(own).lineage.architecture, victim_model(own).training.epochs) == ("a:7", 99)
    assert victim_model(own).lineage.last.seed not in {s.seed for m in plan(own) for s in m.lineage.steps}


@pytest.mark.parametrize(
    ("change", "missing"),
    [
        ({"independent": RECIPE.independent[2:]}, "no same-data or other-architecture models"),
        ({"derived": ()}, r"no \[\[derived\]\] attack"),
        ({"derived": RECIPE.derived[2:]}, r"no \[\[derived\]\] attack of that kind"),
    ],
)
def test_students_without_teachers_or_attacks_are_refused(plan, change, missing):
    with pytest.raises(RecipeError, match=f"split 'calibrate' of recipe 'small' wants other-teacher .* has {missing}"):
        plan(attrs.evolve(RECIPE, **change))


def test_imitators_without_a_recipe_that_true_labels_can_follow_are_refused(plan):
    imitators = IndependentGroup(stratum="thief-recipe", fit=1)
    foreign = DerivedGroup(attack="knockoff(soft, pool=digits)", fit=1)
    with pytest.raises(RecipeError, match=r"'fit' .* wants thief-recipe models but has no \[\[derived\]\] attack"):
        plan(Recipe(name="r", independent=(imitators,), derived=(foreign,)))


def test_attacked_models_without_enough_bases_are_refused_with_both_numbers(plan):
    groups = (IndependentGroup(stratum="same-data", fit=2), IndependentGroup(stratum="attacked", fit=3))
    recipe = Recipe(name="r", independent=groups, derived=(DerivedGroup(attack="finetune", fit=1),))
    with pytest.raises(RecipeError, match="'fit' of recipe 'r' wants 3 attacked models but has only 2 independent"):
        plan(recipe)
    with pytest.raises(RecipeError, match=r"wants attacked models but has no \[\[derived\]\] attack of that kind"):
        plan(attrs.evolve(recipe, derived=(DerivedGroup(attack="extract", fit=1),)))


@pytest.mark.parametrize(
    ("group", "error", "said"),
    [
        ({"attack": "victim"}, RecipeError, "a derived model is made from the victim"),
        ({"attack": "train[paper:arc-a]->prune"}, RecipeError, "a derived model is made from the victim"),
        ({"attack": "labels->extract"}, RecipeError, "a derived model is made from the victim"),
        ({"attack": "extract(soft)[paper:arc-b]"}, RecipeError, "architectures belong in 'backbones'"),
        ({"attack": "extract(soft)[seed=3]"}, RecipeError, "seeds are chosen by the recipe"),
        ({"attack": "prune", "backbones": ("a:1",)}, RecipeError, "leave 'backbones' out"),
        ({"attack": "finetune->jpeg", "test_backbones": ("a:1",)}, RecipeError, "leave 'backbones' out"),
        ({"attack": "extraction"}, PluginError, "unknown attack or filter 'extraction'"),
        ({"attack": "prune(2)"}, ParameterError, "'ratio' of 'prune' must be"),
    ],
)
def test_an_attack_that_cannot_be_is_refused_when_it_is_planned(plan, group, error, said):
    with pytest.raises(error, match=said.replace("[", r"\[")):
        plan(Recipe(name="r", derived=(DerivedGroup(fit=1, **group),)))


def test_a_thief_may_own_the_images_of_another_share(plan):
    groups = (
        DerivedGroup(attack="extract(soft)", fit=2),
        DerivedGroup(attack="extract(soft)[data=victim]", test=2),
    )
    found = plan(Recipe(name="r", derived=groups))
    assert [(model.split, model.lineage.last.data) for model in found] == 2 * [("fit", "thief")] + 2 * [
        ("test", "victim")
    ]
    assert {model.stratum for model in found} == {"extract(soft)", "extract(soft)[data=victim]"}
    assert len({model.family for model in found}) == 4


@pytest.mark.parametrize(
    "groups",
    [
        [{"attack": "prune(0.4)", "fit": 2}],
        [{"attack": "prune(0.4)", "fit": 1, "test": 1}],
        [{"attack": "prune(0.4)", "fit": 1}, {"attack": "victim->prune(ratio=0.4)", "test": 1}],
        [{"attack": "prune(0.4)->quantize(int8)", "fit": 1}, {"attack": "prune->quantize", "test": 1}],
        [{"attack": "jpeg(50)", "test": 2}],
    ],
)
def test_one_and_the_same_model_is_refused_to_stand_for_two(plan, groups):
    with pytest.raises(RecipeError, match="is random, so 2 models of it would be one and the same"):
        plan(Recipe(name="r", derived=tuple(DerivedGroup(**group) for group in groups)))


@pytest.mark.parametrize("attack", ["prune->finetune", "input-noise", "prune->extract", "jpeg->extract"])
def test_what_is_drawn_by_chance_anywhere_may_be_asked_for_twice(plan, attack):
    models = plan(Recipe(name="r", derived=(DerivedGroup(attack=attack, fit=2, test=2),)))
    assert len({model.lineage for model in models}) == 4


# --- nothing leaks


@pytest.mark.parametrize("recipe", [*PRESETS.values(), ALIKE], ids=[*PRESETS, "alike"])
@pytest.mark.parametrize("value", [lambda m: m.family, lambda m: m.lineage, unit], ids=["family", "lineage", "unit"])
def test_no_family_no_lineage_and_no_unit_stands_in_two_splits(plan, recipe, value):
    assert shared(by_split(plan, recipe, value)) == []


@pytest.mark.parametrize("recipe", [*PRESETS.values(), ALIKE], ids=[*PRESETS, "alike"])
def test_no_seed_stands_in_two_splits_or_serves_two_models(plan, recipe):
    models = plan(recipe)
    seeds = {
        split: {s for m in models if m.split == split for s in [x.seed for x in m.lineage.steps] if s}
        for split in SPLITS
    }
    assert shared(seeds) == []
    assert max(Counter(seed for model in models for seed in own_seeds(model)).values()) == 1
    assert victim_model(recipe).lineage.last.seed not in set().union(*seeds.values())


@every_preset
def test_no_two_models_of_a_preset_are_one_and_the_same(plan, recipe):
    models = plan(recipe)
    assert len({model.lineage for model in models}) == len({model.lineage.exact for model in models}) == len(models)


@pytest.mark.parametrize("recipe", [*PRESETS.values(), ALIKE], ids=[*PRESETS, "alike"])
def test_what_is_made_from_an_independent_model_stays_in_its_split_and_family(plan, recipe):
    models = plan(recipe)
    trained = {model.lineage: model for model in models if model.trained}
    for model in [m for m in models if m.stratum in ("other-teacher", "attacked")]:
        origin = trained[model.chain[0].lineage]
        assert (model.split, model.family) == (origin.split, origin.family)
        assert model.relation == origin.relation == "independent"
        assert origin.stratum in STRATA[model.stratum].sources
        assert models.index(origin) < models.index(model)


@every_preset
def test_every_teacher_teaches_once_before_one_teaches_twice(plan, recipe):
    for split in SPLITS:
        models = plan(recipe, splits=[split])
        sources = [m.lineage for m in models if m.trained and m.stratum in STRATA["other-teacher"].sources]
        lessons = Counter(m.chain[0].lineage for m in of(models, "other-teacher"))
        assert set(lessons) <= set(sources)
        assert max(lessons.values(), default=0) - min((lessons[s] for s in sources), default=0) <= 1


@every_preset
def test_every_attacked_model_has_another_base(plan, recipe):
    attacked = of(plan(recipe), "attacked")
    assert len({model.chain[0].lineage for model in attacked}) == len(attacked)


@every_preset
def test_imitators_learn_from_true_labels_and_nobody_else_does(plan, recipe):
    for model in plan(recipe):
        assert (model.lineage.steps[0].name == "labels") == (model.stratum == "thief-recipe")
        assert (model.lineage.steps[0].name == "victim") == (model.relation == "derived")
        if model.stratum == "thief-recipe":
            assert len(model.lineage.steps) > 1


@every_preset
def test_innocent_models_are_made_with_the_recipe_of_every_thief(plan, recipe, registry):
    """As many as there are models; a stratum with fewer models than thieves has a different one each.

    A thief with two groups in the recipe has two turns.
    """
    models, turns = plan(recipe), Counter(group.attack for group in recipe.derived)
    attacks = {attack_of(m) for m in models if m.relation == "derived"}
    for split in SPLITS:
        for stratum in ("other-teacher", "attacked"):
            made = [attack_of(m) for m in of(models, stratum) if m.split == split]
            assert set(made) <= attacks
            counts = [count / max(1, turns[attack]) for attack, count in Counter(made).items()]
            assert not counts or max(counts) - min(counts) <= 1


def test_the_calibrated_students_of_small_and_tiny_know_every_extraction_of_the_test(plan, registry):
    for name in ("small", "tiny"):
        models = plan(PRESETS[name])
        asking = {
            attack_of(model)
            for model in models
            if model.relation == "derived" and any(step.backbone for step in model.lineage.steps)
        }
        taught = {attack_of(m) for m in of(models, "other-teacher") if m.split == "calibrate"}
        assert taught == asking


@every_preset
def test_an_attack_that_is_kept_for_the_test_reaches_no_fit_model_in_any_stratum(plan, recipe, registry):
    models = plan(recipe)
    shown = {attack_of(m) for m in models if m.relation == "derived" and m.split == "fit"}
    imitated = {"->".join(shape[start:]) for shape in (a.split("->") for a in shown) for start in range(len(shape))}
    for model in models:
        if model.split == "fit" and model.stratum in MADE:
            assert attack_of(model) in (imitated if model.stratum == "thief-recipe" else shown)


def test_an_attack_that_is_kept_for_the_test_calibrates_and_tests_but_never_fits(plan):
    kept = (DerivedGroup(attack="extract-jacobian", test=2), DerivedGroup(attack="retrain", test=2))
    shown = (DerivedGroup(attack="extract", fit=2, test=2), DerivedGroup(attack="finetune", fit=2, test=2))
    groups = tuple(IndependentGroup(stratum=stratum, fit=4, calibrate=4, test=4) for stratum in STRATA)
    models = plan(Recipe(name="r", independent=groups, derived=(*kept, *shown)))
    for split in SPLITS:
        attacks = {attack_of(m) for m in models if m.split == split and m.stratum in MADE}
        known = {"extract(soft)", "finetune(all)"}
        assert attacks == (known if split == "fit" else known | {"extract-jacobian(soft)", "retrain(last)"})


@pytest.mark.parametrize("name", ["tiny", "small"])
def test_two_attacks_and_one_student_architecture_occur_in_the_test_only(plan, name):
    derived = [model for model in plan(PRESETS[name]) if model.relation == "derived"]
    for value, least in ((attack_of, 2), (lambda model: model.lineage.architecture, 1)):
        test, fit = ({value(m) for m in derived if m.split == split} for split in ("test", "fit"))
        assert len(test - fit) >= least


@every_preset
def test_the_test_split_has_architectures_that_fit_has_not_unless_it_is_the_papers(plan, recipe):
    for relation in ("independent", "derived"):
        backbones = {
            split: {m.lineage.architecture for m in plan(recipe, splits=[split]) if m.relation == relation}
            for split in ("fit", "test")
        }
        # the paper's five architectures are all known to its encoder, and fine-tunes of a base have the victim's
        known = recipe.name.startswith(("paper", "finetuned"))
        assert bool(backbones["test"] - backbones["fit"]) is not known, relation


@every_preset
def test_calibration_is_made_of_independent_models_alone_and_reaches_the_presets_alpha(plan, recipe):
    from fpframe.decision.levels import require_alpha
    from fpframe.decision.pvalues import StratumScores

    models = plan(recipe, splits=["calibrate"])
    assert {model.relation for model in models} == {"independent"}
    named = recipe.name.partition(":")[2]
    strata = {}
    for model in models:
        # certify calibrates one stratum; teachers and bases are there for its sake
        if not named or model.stratum == named:
            strata.setdefault(model.stratum, []).append(model.family)
    require_alpha(
        recipe.alpha,
        {name: StratumScores(scores=(0.0,) * len(f), families=tuple(f)) for name, f in strata.items()},
    )


# --- the presets


def test_students_of_other_teachers_have_teachers_of_every_kind_in_every_split(plan):
    for name in ("tiny", "quick", "small", "certify:other-teacher"):
        models = plan(PRESETS[name])
        trained = {model.lineage: model for model in models if model.trained}
        for split in SPLITS:
            students = [m for m in of(models, "other-teacher") if m.split == split]
            teachers = [trained[m.chain[0].lineage] for m in students]
            assert {teacher.stratum for teacher in teachers} == {"same-data", "other-architecture"}
            assert len({m.lineage.architecture for m in students}) > 1


def test_the_calibrated_students_of_small_have_nineteen_different_teachers_of_several_architectures(plan):
    students = of(plan(PRESETS["small"], splits=["calibrate"]), "other-teacher")
    teachers = {student.chain[0].lineage: student.chain[0] for student in students}
    assert len(teachers) == len(students) >= 19
    assert {teacher.split for teacher in teachers.values()} == {"calibrate"}
    architectures = {lineage.architecture for lineage in teachers}
    assert "victim" in architectures
    assert len(architectures) >= 3
    assert len({student.family for student in students}) == len(students)


def test_small_has_enough_models_of_every_kind(plan):
    models = plan(PRESETS["small"])
    for stratum in STRATA:
        counts = Counter(model.split for model in of(models, stratum))
        assert counts["fit"] >= 8
        assert counts["calibrate"] == 19
        assert counts["test"] == 4
    derived = [model for model in models if model.relation == "derived"]
    assert len(derived) >= 60
    rows = Counter(_row(model) for model in derived)
    assert set(rows) == {"natural soft", "natural top1", "augmented soft", "augmented top1", "modified", "answers"}
    for row in ("natural soft", "natural top1", "augmented soft", "augmented top1", "modified"):
        assert rows[row] >= 12, row


def _row(model):
    """Return the row of a table of results that a theft belongs to."""
    names = [step.name for step in model.lineage.steps]
    asking = [step for step in model.lineage.steps if step.backbone]
    if not asking:
        return "answers" if names[-1] in ("jpeg", "input-noise", "answer-noise") else "modified"
    kind = "natural" if asking[-1].name in ("extract", "knockoff") else "augmented"
    return f"{kind} {dict(asking[-1].params)['labels']}"


def test_tiny_calibrates_six_strata_with_nine_models_and_knows_eight_attacks(plan):
    models = plan(PRESETS["tiny"])
    counts = Counter(model.stratum for model in models if model.split == "calibrate")
    assert set(counts) == set(STRATA)
    assert min(counts.values()) >= 9
    assert len({attack_of(model) for model in models if model.relation == "derived"}) >= 8


def test_quick_is_quick(plan):
    assert 55 <= len(plan(PRESETS["quick"])) <= 85


@pytest.mark.parametrize("stratum", STRATA)
def test_certify_calibrates_the_stratum_that_is_named_with_a_model_for_each_family(plan, stratum):
    models = of(plan(PRESETS[f"certify:{stratum}"], splits=["calibrate"]), stratum)
    assert len(models) >= 299
    assert len({model.family for model in models}) == len(models)
    others = {m.stratum for m in plan(PRESETS[f"certify:{stratum}"], splits=["calibrate"])} - {stratum}
    assert others == set(STRATA[stratum].sources)


# --- in words


def test_the_lineage_tells_how_a_model_came_to_be(plan):
    models = plan(RECIPE)
    told = {(model.stratum, model.split): str(model.lineage) for model in models}
    assert str(victim_model(RECIPE).lineage) == "train[paper:arc-a]"
    assert told["other-architecture", "calibrate"] == "train[a:2]"
    assert told["extract(soft)", "test"] == "victim->extract(soft)[a:9]"
    assert told["extract-noise(soft, budget=5)", "fit"] == "victim->extract-noise(soft, budget=5)[victim]"
    assert told["finetune(all)", "fit"] == "victim->finetune(all)"
    student = of(models, "other-teacher")[1]
    assert str(student.lineage) == f"{student.parent.lineage}->extract-noise(soft, budget=5)[a:1]"
    assert str(student.lineage).startswith("train[")


@every_preset
def test_every_lineage_of_a_preset_reads_back_as_itself(plan, recipe, registry):
    for model in plan(recipe):
        assert Lineage.parse(model.lineage.exact, registry) == model.lineage


def test_the_chain_of_a_model_leads_from_what_was_made_first_to_itself(plan):
    model = next(m for m in plan(PRESETS["tiny"]) if m.stratum == "attacked" and len(m.lineage.steps) == 3)
    assert [str(link.lineage).count("->") for link in model.chain] == [0, 1, 2]
    assert all(later.parent == earlier for earlier, later in pairwise(model.chain))
    assert [link.trained for link in model.chain] == [True, False, False]


def test_a_derived_model_cannot_calibrate():
    with pytest.raises(ParameterError, match="'calibrate'"):
        DerivedGroup(attack="extract", calibrate=1)


OWN = attrs.evolve(
    RECIPE,
    independent=(
        IndependentGroup(stratum="same-data", fit=9, calibrate=9, own_training=True),
        IndependentGroup(stratum="disjoint-data", fit=3),
        IndependentGroup(stratum="other-teacher", fit=4, own_training=True),
        IndependentGroup(stratum="attacked", fit=4, own_training=True),
        IndependentGroup(stratum="thief-recipe", fit=4, own_training=True),
    ),
    derived=(DerivedGroup(attack="extract", fit=6, own_training=True), DerivedGroup(attack="finetune(all)", fit=2)),
)


@pytest.mark.parametrize("stratum", ["same-data", "thief-recipe", "extract"])
def test_models_of_a_group_may_each_be_trained_in_a_way_of_their_own(stratum, plan):
    trainings = [model.fitted for model in plan(OWN) if model.stratum.startswith(stratum)]
    assert len(set(trainings)) >= len(trainings) - 1 >= 3
    assert trainings == [model.fitted for model in plan(OWN) if model.stratum.startswith(stratum)]
    assert not set(trainings) <= {model.fitted for model in plan(attrs.evolve(OWN, seed=1))}


@pytest.mark.parametrize("stratum", ["disjoint-data", "finetune(all)"])
def test_other_groups_are_trained_as_the_recipe_says(stratum, plan):
    assert {model.fitted for model in plan(OWN) if model.stratum == stratum} == {OWN.training}


@pytest.mark.parametrize("stratum", ["other-teacher", "attacked"])
def test_what_is_made_from_an_independent_model_is_trained_as_that_was_so_that_it_is_not_made_twice(stratum, plan):
    models = plan(OWN)
    sources = {model.lineage: model.fitted for model in models if model.trained}
    made = [model for model in models if model.stratum == stratum]
    assert made
    for model in made:
        assert model.parent.fitted == sources[model.parent.lineage] == model.fitted


def drawn_trainings(plan, backbone: str) -> list[Training]:
    group = IndependentGroup(stratum="same-data", fit=100, own_training=True, backbones=(backbone,))
    usual = Training(epochs=10, batch_size=32)
    return [model.training for model in plan(attrs.evolve(RECIPE, independent=(group,), derived=(), training=usual))]


@pytest.mark.parametrize("backbone", ["base:head", "base:deep"])
def test_a_last_layer_alone_is_trained_in_far_more_ways_than_a_whole_network(backbone, plan):
    drawn = drawn_trainings(plan, backbone)
    assert {each.batch_size for each in drawn} == {16, 32, 64, 128, 256, 512}
    assert {each.schedule for each in drawn} == set(SCHEDULES)
    rates = [round(each.learning_rate / (0.03 if each.optimizer == "sgd" else 0.003), 3) for each in drawn]
    assert 0.1 <= min(rates) < 0.15
    assert 7 < max(rates) <= 10
    for larger, longest in ((False, 20), (True, 50)):
        epochs = {each.epochs for each in drawn if (each.batch_size > 32) == larger}
        assert 6 <= min(epochs) < 9
        assert 0.85 * longest < max(epochs) <= longest


@pytest.mark.parametrize("backbone", ["base:all", "base:block", "victim"])
def test_a_network_of_which_more_learns_is_trained_nearly_as_the_recipe_says(backbone, plan):
    drawn = drawn_trainings(plan, backbone)
    assert {each.batch_size for each in drawn} == {16, 32, 64}
    assert {each.epochs for each in drawn} == set(range(10, 16))
    assert {each.schedule for each in drawn} == {"one-cycle"}


def test_a_student_of_another_architecture_than_its_teacher_learns_as_long_as_it_needs(plan):
    recipe = attrs.evolve(
        RECIPE,
        training=Training(epochs=12),
        epochs={"base:block": 2},
        independent=(
            IndependentGroup(stratum="same-data", fit=4, backbones=("base:block",), own_training=True),
            IndependentGroup(stratum="other-teacher", fit=4, backbones=("base:head", "base:block"), own_training=True),
        ),
    )
    students = [model for model in plan(recipe) if model.stratum == "other-teacher"]
    assert {model.lineage.architecture for model in students} == {"base:head", "base:block"}
    for student in students:
        assert student.parent.fitted.epochs in (2, 3)
        assert student.fitted.epochs in ((2, 3) if student.lineage.architecture == "base:block" else range(7, 61))
