"""Enrolments: repeatable to the byte, tamper-evident, and made without a word."""

from __future__ import annotations

import shutil
from pathlib import Path

import attrs
import numpy as np
import pytest
import torch
from torch import nn

import fpframe
from fpframe.base import UNFIT
from fpframe.enrolment.enrolment import Enrolment
from fpframe.enrolment.method import check_method
from fpframe.errors import DataError, IntegrityError, ModelError, ParameterError, UsageError
from fpframe.recipe.recipe import Recipe
from fpframe.registry.strata import BUILT_IN, STRATA
from fpframe.zoo.lineage import is_filter
from fpframe.zoo.planner import plan_models
from tiny import evaluate_tiny

# of tests with a recipe of few models; for all others it changes nothing
pytestmark = pytest.mark.usefixtures("few_models")


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def smallest() -> Recipe:
    """Return `tiny` with one model of each kind in each split that has any."""
    recipe = Recipe.load("tiny")
    return attrs.evolve(
        recipe,
        alpha=0.5,
        independent=tuple(attrs.evolve(group, fit=1, calibrate=1, test=1) for group in recipe.independent),
        derived=tuple(attrs.evolve(g, fit=min(g.fit, 1), test=min(g.test, 1)) for g in recipe.derived),
    )


@pytest.fixture
def copy(tiny_enrolment: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_enrolment, tmp_path / "copy.enrolment"))


@pytest.mark.slow
def test_the_same_seed_gives_byte_identical_enrolments(tiny_store, tiny_enrolment, tmp_path, capfd):
    fpframe.enroll(recipe="tiny", run=fpframe.Run(store=tiny_store)).save(tmp_path / "again")
    assert contents(tmp_path / "again") == contents(tiny_enrolment)
    assert capfd.readouterr() == ("", ""), "the library is silent"


@pytest.mark.slow
def test_retraining_everything_in_this_process_gives_the_bytes_that_worker_processes_gave(registry, tmp_path):
    small = smallest()
    small = attrs.evolve(small, training=attrs.evolve(small.training, epochs=1), channels=("probs",))
    for workers in (1, 2):
        run = fpframe.Run(store=tmp_path / f"store{workers}", workers=workers)
        fpframe.enroll(recipe=small, run=run, accept_unfit=UNFIT).save(tmp_path / f"{workers}")
    assert contents(tmp_path / "1") == contents(tmp_path / "2")
    weights = [{p.name: p.read_bytes() for p in (tmp_path / f"store{w}").rglob("*.safetensors")} for w in (1, 2)]
    assert weights[0] == weights[1]
    models = {link for m in plan_models(small, registry, splits=("fit", "calibrate")) for link in m.chain}
    assert not [model for model in models if is_filter(model.lineage.last, registry)]
    distinct = {(model.lineage, model.training) for model in models}
    # with those that take the place of models less able than the victim
    assert len(weights[0]) >= 2 * (1 + len(distinct)), "the victim and each model once, and the labels of each"


def test_every_query_is_an_8_bit_image_and_the_pairs_differ_by_the_truncated_perturbation(tiny_enrolment):
    enrolment = Enrolment.open(tiny_enrolment)
    [part] = enrolment.queries.parts
    clean, moved = enrolment.queries.images.split(part.points, dim=1)
    assert enrolment.queries.images.dtype == torch.uint8
    assert clean.shape == (5, 20, 1, 8, 8)
    step = (moved.int() - clean.int()).abs()
    assert step.max() > 0
    assert (step <= enrolment.deltas[0].abs() * 255 + 1e-3).all()
    assert enrolment.deltas[0].abs().max() <= 0.3


def test_the_victim_scores_one_against_itself_in_every_channel(tiny_enrolment):
    enrolment = Enrolment.open(tiny_enrolment)
    for channel in ("probs", "rounded:2", "rounded:1", "top1"):
        scores = enrolment.view_scores(enrolment.victim_answers, channel)
        assert torch.allclose(scores, torch.ones(5, dtype=torch.float64), atol=1e-5)


def test_opening_gives_back_what_was_saved(tiny_enrolment, tmp_path):
    Enrolment.open(tiny_enrolment).save(tmp_path / "resaved")
    assert contents(tmp_path / "resaved") == contents(tiny_enrolment)


def test_calibration_models_are_those_that_the_recipe_asks_for(tiny_enrolment):
    enrolment = Enrolment.open(tiny_enrolment)
    for channel in ("probs", "rounded:2", "rounded:1", "top1"):
        strata = enrolment.strata(channel)
        assert {name: len(s.scores) for name, s in strata.items()} == {
            "same-data": 9,
            "disjoint-data": 9,
            "other-architecture": 9,
            "other-teacher": 9,
            "thief-recipe": 9,
            "attacked": 9,
        }
        assert {stratum.units for stratum in strata.values()} == {9}


def test_every_stratum_of_fpframes_own_that_does_not_calibrate_is_a_caveat(tiny_enrolment):
    enrolment = Enrolment.open(tiny_enrolment)
    absent = {note.text.split("'")[1] for note in enrolment.caveats if note.code == "stratum-absent"}
    assert absent == set(BUILT_IN) - set(enrolment.calibration.counts) == {"wild"}


def test_stored_scores_follow_from_the_recorded_answers_to_the_last_bit(tiny_enrolment):
    enrolment = Enrolment.open(tiny_enrolment)
    for channel in enrolment.encoders:
        stored, again = enrolment.paths(channel), enrolment.paths_of(enrolment.calibration.answers[""], channel)
        for name, paths in stored.items():
            assert np.array_equal(paths.views, again[name].views)


def test_the_digest_of_an_enrolment_changes_with_its_calibration_and_not_with_its_folder(tiny_enrolment, copy):
    enrolment = Enrolment.open(tiny_enrolment)
    assert enrolment.digest == Enrolment.open(copy).digest
    fewer = attrs.evolve(enrolment.calibration, source="another")
    assert attrs.evolve(enrolment, calibration=fewer).digest != enrolment.digest


@pytest.mark.parametrize(
    "member", ["queries.safetensors", "calibration.json", "recipe.toml", "encoder-probs.safetensors"]
)
def test_a_changed_member_is_found(copy, member):
    content = bytearray((copy / member).read_bytes())
    content[len(content) // 2] ^= 1
    (copy / member).write_bytes(content)
    with pytest.raises(IntegrityError, match=f"was changed.*{member}"):
        Enrolment.open(copy)


def test_force_overwrites_an_enrolment_but_never_another_folder(copy, tmp_path):
    enrolment = Enrolment.open(copy)
    with pytest.raises(UsageError, match="exists already"):
        enrolment.save(copy)
    enrolment.save(copy, force=True)
    other = tmp_path / "precious"
    other.mkdir()
    (other / "thesis.tex").touch()
    with pytest.raises(UsageError, match="not an enrolment"):
        enrolment.save(other, force=True)
    assert (other / "thesis.tex").exists()


def test_an_alpha_out_of_reach_is_refused_before_anything_is_trained(tiny_store, monkeypatch):
    def no_training(*_, **__):
        raise AssertionError("trained")

    monkeypatch.setattr("fpframe.enrolment.enroll_victim.build_models", no_training)
    with pytest.raises(UsageError, match="19 are needed"):
        fpframe.enroll(recipe="tiny", alpha=0.05, run=fpframe.Run(store=tiny_store))


def test_more_points_than_pool_images_are_refused_before_anything_is_trained(tmp_path):
    recipe = Recipe.load("tiny")
    greedy = attrs.evolve(recipe, queries=attrs.evolve(recipe.queries, points=5000))
    run = fpframe.Run(store=tmp_path)
    with pytest.raises(DataError, match="25000 query points in all views are wanted but the pool has 479"):
        fpframe.enroll(nn.Sequential(nn.Flatten(), nn.Linear(64, 10)), recipe=greedy, run=run)
    assert not list(tmp_path.rglob("*.safetensors"))


@pytest.mark.slow
def test_a_victim_given_as_a_module_leaves_its_own_architecture_out_and_says_so(tiny_store):
    torch.manual_seed(0)
    victim = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    before = {name: value.clone() for name, value in victim.state_dict().items()}
    enrolment = fpframe.enroll(victim, recipe=smallest(), run=fpframe.Run(store=tiny_store), accept_unfit=UNFIT)
    assert set(enrolment.calibration.counts) == set(STRATA) - {"same-data"}
    assert any("'same-data' is absent" in note.text for note in enrolment.caveats)
    assert any("paper:arc-e stands in for it" in note.text for note in enrolment.caveats)
    assert any("Which images the victim was trained on" in note.text for note in enrolment.caveats)
    assert all(torch.equal(before[name], value) for name, value in victim.state_dict().items())
    assert victim.training
    assert all(weight.requires_grad for weight in victim.parameters())


@pytest.mark.parametrize(
    ("victim", "message"),
    [
        (nn.Sequential(nn.Flatten(), nn.Linear(64, 7)), r"\(2, 7\) where \(2, 10\)"),
        (nn.Sequential(nn.Flatten(), nn.Linear(63, 10)), r"does not take images of shape \(1, 8, 8\)"),
        ("paper:arc-a", "without weights"),
    ],
)
def test_a_victim_that_does_not_fit_is_refused_in_one_line(victim, message, tmp_path):
    with pytest.raises(ModelError, match=message) as caught:
        fpframe.enroll(victim, recipe="tiny", run=fpframe.Run(store=tmp_path))
    assert "\n" not in str(caught.value)


def test_an_unknown_stratum_scheme_or_dataset_names_the_nearest_one(tmp_path):
    for options, message in (
        ({"without": ("same-date",)}, "did you mean 'same-data'"),
        ({"scheme": "uap-contrast"}, "did you mean 'uap-contrastive'"),
        ({"dataset": "digit"}, "did you mean 'digits'"),
    ):
        with pytest.raises(UsageError, match=message):
            fpframe.enroll(recipe="tiny", run=fpframe.Run(store=tmp_path), **options)


def test_force_spares_a_folder_whose_manifest_is_another_programs(tiny_enrolment, tmp_path):
    extension = tmp_path / "extension"
    extension.mkdir()
    (extension / "manifest.json").write_text('{"name": "my extension", "members": {}}')
    (extension / "source.js").touch()
    with pytest.raises(UsageError, match="not an enrolment"):
        Enrolment.open(tiny_enrolment).save(extension, force=True)
    assert (extension / "source.js").exists()


@pytest.mark.parametrize("name", ["uap", "kmeans-neighbours"])
def test_another_package_of_the_same_name_gets_queries_of_its_own(registry, monkeypatch, name):
    [part] = check_method(Recipe.load("tiny"), registry, without=()).parts
    before = part.identity
    kind = "perturbation" if name == "uap" else "augmenter"
    monkeypatch.setattr(registry.get(kind, name), "__module__", "of_a_stranger.plugin")
    assert part.identity != before


def test_an_enrolment_of_another_revision_of_its_encoder_is_refused(tiny_enrolment, registry, monkeypatch):
    monkeypatch.setattr(registry.get("encoder", "contrastive"), "revision", 99)
    with pytest.raises(UsageError, match="revision 1 of encoder 'contrastive', but revision 99 is installed"):
        Enrolment.open(tiny_enrolment)


def test_a_victim_made_for_other_data_is_refused_before_anything_is_trained(registry, tmp_path):
    victim = fpframe.build_backbone(registry, "paper:arc-a", num_classes=10, image_shape=(1, 28, 28), seed=0)
    with pytest.raises(ModelError, match=r"images of shape \(1, 28, 28\) where the data has 10 and \(1, 8, 8\)"):
        fpframe.enroll(victim, recipe="tiny", run=fpframe.Run(store=tmp_path))
    assert not list(tmp_path.rglob("*.safetensors"))


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["lap-contrastive", "akh"])
def test_a_recipes_epsilon_does_not_hinder_schemes_without_a_bound(scheme, tiny_store):
    recipe = attrs.evolve(Recipe.load("tiny"), channels=("probs",))
    enrolment = fpframe.enroll(recipe=recipe, scheme=scheme, run=fpframe.Run(store=tiny_store))
    assert enrolment.recipe.queries.perturbation == {"epsilon": 0.3}
    wrong = attrs.evolve(enrolment.recipe, queries=attrs.evolve(enrolment.recipe.queries, perturbation={"epsilo": 1}))
    if scheme == "lap-contrastive":
        with pytest.raises(ParameterError, match="epsilo"):
            fpframe.enroll(recipe=wrong, run=fpframe.Run(store=tiny_store))


@pytest.mark.slow
def test_the_released_settings_enroll_and_verify(tiny_store, tmp_path):
    recipe = attrs.evolve(Recipe.load("tiny"), channels=("probs",))
    # DeepFool takes these one by one
    recipe = attrs.evolve(recipe, queries=attrs.evolve(recipe.queries, craft_images=60))
    fpframe.enroll(recipe=recipe, scheme="uap-released", run=fpframe.Run(store=tiny_store)).save(tmp_path / "made")
    enrolment = Enrolment.open(tmp_path / "made")
    assert enrolment.encoders["probs"].against_first_view
    own = enrolment.view_scores(enrolment.victim_answers, "probs")
    assert own[0] == pytest.approx(1)
    assert max(own[1:]) < 1, "other views are compared with the first"
    evaluation = evaluate_tiny(enrolment, tiny_store)
    assert len(evaluation.suspects) == 27
    assert all(each.verdict.verdict in ("DERIVED", "NOT_SHOWN", "INCONCLUSIVE") for each in evaluation.suspects)
