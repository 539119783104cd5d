"""Recipes: strict TOML in, the full recipe out."""

import attrs
import pytest

from fpframe import Recipe, RecipeError, Training, UsageError
from fpframe.recipe.recipe import (
    DerivedGroup,
    IndependentGroup,
    Partition,
    Queries,
    VictimRecipe,
    presets,
)
from fpframe.registry.strata import STRATA, overlap_of

FULL = Recipe(
    name="full",
    seed=7,
    dataset="folder:images",
    scheme="random-sign",
    alpha=0.01,
    channels=("top1",),
    partition=Partition(victim=3, thief=2, pool=1),
    victim=VictimRecipe(backbone="paper:arc-b", training=Training(epochs=9)),
    training=Training(epochs=2, batch_size=16, learning_rate=0.1, weight_decay=0.0),
    queries=Queries(points=5, views=3, craft_images=50, perturbation={"epsilon": 0.2}, encoder={"hidden": 8}),
    independent=(IndependentGroup(stratum="same-data", fit=1, calibrate=2, test=3, test_backbones=("paper:arc-c",)),),
    derived=(DerivedGroup(attack="prune(0.4)->extract-noise(soft)", fit=1, backbones=("a:b", "victim")),),
)


def message(text, origin="my.toml"):
    """Return what is said of a recipe, which is one line that ends with where it comes from."""
    with pytest.raises(RecipeError) as caught:
        Recipe.parse(text, origin=origin)
    said = str(caught.value)
    assert said.endswith(f" ({origin})")
    assert "\n" not in said
    return said.removesuffix(f" ({origin})")


# --- what is read


def test_a_recipe_survives_the_way_through_toml():
    assert Recipe.parse(FULL.to_toml()) == FULL


def test_defaults_are_written_out_and_read_back():
    text = Recipe(name="x").to_toml()
    assert "learning_rate = 0.003" in text
    assert Recipe.parse(text) == Recipe(name="x") == Recipe.parse('name = "x"')


def test_settings_of_a_training_that_came_later_are_written_only_where_somebody_chose_them():
    later = ("memory_format", "precision", "optimizer", "augmentations", "label_smoothing")
    plain = Recipe(name="x").to_toml()
    assert [key for key in later if f"{key} =" in plain] == []
    chosen = Training(optimizer="sgd", augmentations=("shift", "mixup"), label_smoothing=0.1)
    recipe = Recipe(name="x", training=chosen, victim=VictimRecipe(training=chosen))
    assert recipe.to_toml().count("augmentations = [") == 2
    assert Recipe.parse(recipe.to_toml()) == recipe


CERTIFIED = [f"certify:{stratum}" for stratum in STRATA]


@pytest.mark.parametrize("name", [name for name in presets() if name != "certify"] + CERTIFIED)
def test_every_preset_loads_under_its_own_name_and_survives_the_way_through_toml(name):
    recipe = Recipe.load(name)
    assert recipe.name == name
    assert Recipe.parse(recipe.to_toml()) == recipe


def test_the_presets_are_those_that_the_documentation_names():
    names = [
        "certify",
        "finetuned",
        "paper",
        "paper-cifar10",
        "paper-tinyimagenet",
        "quick",
        "small",
        "small-cifar10",
        "tiny",
    ]
    assert presets() == names


@pytest.mark.parametrize("stratum", STRATA)
def test_certify_calibrates_one_stratum_and_what_its_models_are_made_from(stratum):
    groups = {group.stratum: group for group in Recipe.load(f"certify:{stratum}").independent}
    assert set(groups) == set(STRATA), "what fits and tests is the same for all of them"
    calibrated = {name: group.calibrate for name, group in groups.items() if group.calibrate}
    sources = STRATA[stratum].sources
    assert set(calibrated) == {stratum, *sources}
    assert calibrated.pop(stratum) >= 299
    assert not sources or sum(calibrated.values()) >= groups[stratum].calibrate


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("certify", "preset 'certify' is for one stratum; name it, as in certify:other-teacher"),
        ("certify:", "must be one of same-data"),
        ("certify:same-date", "did you mean 'same-data'?"),
        ("tiny:same-data", "preset 'tiny' takes no stratum (got 'tiny:same-data')"),
        ("certfy:same-data", "unknown recipe 'certfy:same-data'; did you mean"),
    ],
)
def test_a_preset_with_a_wrong_stratum_is_refused(name, said):
    with pytest.raises(UsageError) as caught:
        Recipe.load(name)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("stratum", "fraction"),
    [
        ("overlap(0.5)", 0.5),
        ("overlap(.25)", 0.25),
        ("overlap(0)", 0.0),
        ("overlap(1)", 1.0),
        ("overlap(1.0)", 1.0),
        ("overlap(1.5)", None),
        ("overlap(0.5) ", None),
        ("overlap", None),
        ("same-data", None),
    ],
)
def test_a_stratum_may_name_how_much_is_shared_with_the_victim(stratum, fraction):
    assert overlap_of(stratum) == fraction
    if fraction is not None:
        assert IndependentGroup(stratum=stratum).stratum == stratum


def test_a_file_is_read_by_its_path(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(FULL.to_toml(), encoding="utf-8")
    assert Recipe.load(path) == Recipe.load(str(path)) == FULL


def test_a_mark_that_says_that_a_file_is_utf_8_is_no_part_of_it(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_bytes(b"\xef\xbb\xbf" + FULL.to_toml().encode())
    assert Recipe.load(path) == FULL


def test_a_whole_number_will_do_where_a_fraction_is_meant():
    recipe = Recipe.parse('name = "x"\n[training]\nlearning_rate = 1')
    assert recipe.training.learning_rate == 1.0
    assert isinstance(recipe.training.learning_rate, float)


def test_test_models_have_architectures_of_their_own_only_where_the_group_names_some():
    group = IndependentGroup(stratum="same-data", backbones=("a:1", "a:2"), test_backbones=("a:3",))
    assert [group.backbone("fit", index) for index in range(3)] == ["a:1", "a:2", "a:1"]
    assert group.backbone("test", 1) == "a:3"
    assert attrs.evolve(group, test_backbones=()).backbone("test", 1) == "a:2"


# --- what is refused


@pytest.mark.parametrize(
    ("text", "key", "meant"),
    [
        ('name = "x"\nalhpa = 0.1', "alhpa", "alpha"),
        ('name = "x"\n[partition]\nvictm = 1', "partition.victm", "victim"),
        ('name = "x"\n[training]\nepoch = 1', "training.epoch", "epochs"),
        ('name = "x"\n[victim]\nback_bone = "a"', "victim.back_bone", "backbone"),
        ('name = "x"\n[victim.training]\nepoch = 1', "victim.training.epoch", "epochs"),
        ('name = "x"\n[queries]\npoint = 5', "queries.point", "points"),
        ('name = "x"\n[[independent]]\nstratum = "same-data"\ntests = 1', "independent.0.tests", "test"),
        ('name = "x"\n[[derived]]\nattack = "a"\n[[derived]]\nattack = "b"\ntests = 1', "derived.1.tests", "test"),
        ('name = "x"\n[[derived]]\natack = "a"', "derived.0.atack", "attack"),
        # a required key that is misspelt is misspelt rather than missing
        ('name = "x"\n[[independent]]\nstratom = "same-data"', "independent.0.stratom", "stratum"),
    ],
)
def test_an_unknown_key_is_named_with_its_path_and_the_nearest_valid_one(text, key, meant):
    assert message(text) == f"unknown key '{key}'; did you mean '{meant}'?"


def test_an_unknown_key_that_is_near_none_lists_the_valid_ones():
    assert message('name = "x"\n[partition]\nzzz = 1') == "unknown key 'partition.zzz'; known: pool, thief, victim"


@pytest.mark.parametrize(
    ("text", "key", "expected"),
    [
        ('name = "x"\nseed = 1.5', "seed", "expected int, got 1.5"),
        ('name = "x"\nseed = true', "seed", "expected int, got True"),
        ('name = "x"\nseed = "1"', "seed", "expected int, got '1'"),
        ('name = "x"\nalpha = "0.1"', "alpha", "expected float, got '0.1'"),
        ('name = "x"\nalpha = true', "alpha", "expected float, got True"),
        ("name = 3", "name", "expected str, got 3"),
        ('name = "x"\nchannels = "probs"', "channels", "expected a list, got 'probs'"),
        ('name = "x"\nchannels = ["probs", 1]', "channels.1", "expected str, got 1"),
        ('name = "x"\n[training]\nepochs = 1.0', "training.epochs", "expected int, got 1.0"),
        ('name = "x"\n[partition]\npool = "1"', "partition.pool", "expected int, got '1'"),
        ('name = "x"\n[[independent]]\nstratum = 1', "independent.0.stratum", "expected str, got 1"),
        (
            'name = "x"\n[[derived]]\nattack = "a"\n[[derived]]\nattack = "b"\nbackbones = "c"',
            "derived.1.backbones",
            "expected a list, got 'c'",
        ),
        ('name = "x"\ntraining = []', "training", "expected a table, got []"),
        ('name = "x"\npartition = ""', "partition", "expected a table, got ''"),
        ('name = "x"\nvictim = { training = 3 }', "victim.training", "expected a table, got 3"),
        ('name = "x"\nindependent = ["a"]', "independent.0", "expected a table, got 'a'"),
        ('name = "x"\nqueries = { encoder = 1 }', "queries.encoder", "expected a table, got 1"),
        ('name = "x"\n[derived]\nattack = "a"', "derived", "expected a list, got {'attack': 'a'}"),
    ],
)
def test_a_value_of_another_type_is_refused_with_the_path_of_its_key(text, key, expected):
    assert message(text) == f"'{key}' is wrong: {expected}"


@pytest.mark.parametrize(
    ("text", "key", "expected"),
    [
        ('name = "x"\nseed = -1', "seed", "a whole number of at least 0 (got -1)"),
        ('name = "x"\nalpha = 0', "alpha", "a number above 0 and at most 1 (got 0.0)"),
        ('name = "x"\nalpha = 1.5', "alpha", "a number above 0 and at most 1 (got 1.5)"),
        ('name = "x"\nalpha = nan', "alpha", "a number above 0 and at most 1 (got nan)"),
        ('name = "x"\nchannels = []', "channels", "a list of at least one (got [])"),
        ('name = "x"\n[training]\nepochs = 0', "training.epochs", "a whole number of at least 1 (got 0)"),
        ('name = "x"\n[training]\nlearning_rate = inf', "training.learning_rate", "a number above 0 (got inf)"),
        ('name = "x"\n[victim.training]\nbatch_size = 1', "victim.training.batch_size", "a whole number of at least 2"),
        ('name = "x"\n[partition]\nthief = 0', "partition.thief", "a whole number of at least 1 (got 0)"),
        ('name = "x"\n[queries]\nviews = 0', "queries.views", "a whole number of at least 1 (got 0)"),
        ('name = "x"\n[[derived]]\nattack = "a"\nbackbones = []', "derived.0.backbones", "a list of at least one"),
        *[
            (
                f'name = "x"\n[[independent]]\nstratum = "{wrong}"',
                "independent.0.stratum",
                f"the name of a stratum, such as same-data, or overlap(r) with r from 0 to 1 (got '{wrong}')",
            )
            for wrong in ("overlap", "overlap()", "overlap(1.5)", "overlap(-0.5)", "overlap(50)", "overlap(0.5", "")
        ],
        (
            'name = "a\\nb"\n[[independent]]\nstratum = "same-data"\n[[independent]]\nstratum = "same-data"\nfit = -1',
            "independent.1.fit",
            "a whole number of at least 0 and at most 10000 (got -1)",
        ),
    ],
)
def test_a_value_out_of_range_is_refused_with_the_path_of_its_key(text, key, expected):
    assert message(text).startswith(f"'{key}' must be {expected}")


def test_the_name_of_a_recipe_is_not_mistaken_for_its_fault():
    assert message('name = "my\\nrecipe"\nalpha = 7').startswith("'alpha' must be a number above 0")


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('dataset = "digits"', "name"),
        ('name = "x"\n[[independent]]\nfit = 1', "independent.0.stratum"),
        ('name = "x"\n[[derived]]\nattack = "a"\n[[derived]]\nfit = 1', "derived.1.attack"),
    ],
)
def test_a_missing_key_is_named_with_its_path(text, key):
    assert message(text) == f"key '{key}' is missing"


def test_text_that_is_not_toml_is_refused_with_its_line():
    said = message("name = 'x'\nalpha 0.1")
    assert said.startswith("the recipe is not TOML: ")
    assert "line 2" in said


def test_a_file_that_is_not_text_is_refused(tmp_path):
    path = tmp_path / "binary.toml"
    path.write_bytes(b'name = "\xff"')
    with pytest.raises(RecipeError, match=r"not UTF-8 text .*binary\.toml"):
        Recipe.load(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(RecipeError, match=r"cannot read the recipe: No such file or directory \(.*none\.toml\)"):
        Recipe.load(tmp_path / "none.toml")


def test_an_unknown_preset_is_named_with_the_nearest():
    with pytest.raises(RecipeError, match=r"unknown recipe 'qiuck'; did you mean 'quick'\? \(a preset,"):
        Recipe.load("qiuck")


def test_what_toml_would_refuse_python_refuses_too():
    with pytest.raises(ValueError, match="'alpha' of 'x' must be a number above 0"):
        Recipe(name="x", alpha=0)
    with pytest.raises(ValueError, match="'backbones' of 'DerivedGroup' must be a list of at least one"):
        DerivedGroup(attack="a", backbones=())


def test_a_mark_of_the_encoding_before_a_recipe_is_no_fault(tmp_path):
    (tmp_path / "marked.toml").write_bytes(b"\xef\xbb\xbfname = 'marked'\n")
    assert Recipe.load(tmp_path / "marked.toml").name == "marked"


def test_a_group_whose_models_have_no_training_of_their_own_is_written_as_before_there_was_the_setting():
    plain = Recipe(
        name="x", independent=(IndependentGroup(stratum="same-data"),), derived=(DerivedGroup(attack="extract"),)
    )
    assert "own_training" not in plain.to_toml()
    own = attrs.evolve(plain, derived=(DerivedGroup(attack="extract", own_training=True),))
    assert own.to_toml().count("own_training = true") == 1
    assert Recipe.parse(own.to_toml()) == own
