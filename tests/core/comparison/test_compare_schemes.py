"""Comparing schemes on the same models: as an evaluation does, resumable, and without a look at what is held out."""

from __future__ import annotations

import csv
import io
import json
import sys
from types import SimpleNamespace

import attrs
import numpy as np
import pytest
import torch

import fpframe
from fpframe.base import Note
from fpframe.comparison import cells
from fpframe.comparison.cell_areas import ALL_INDEPENDENT, ALL_THEFTS, areas, contrasts, pairs
from fpframe.comparison.compare_schemes import compare
from fpframe.comparison.contenders import make_contenders, resized
from fpframe.comparison.design import Design
from fpframe.comparison.kinds import KINDS, MODIFIED
from fpframe.comparison.records import RECORD, Doubt
from fpframe.decision.metrics import auc
from fpframe.enrolment.enrolment import Enrolment
from fpframe.enrolment.method import check_method
from fpframe.errors import DataError, RecipeError, UsageError
from fpframe.interfaces.scheme import ComponentSpec, Part, Scheme
from fpframe.recipe.recipe import Recipe
from fpframe.recipe.schemefile import load_scheme
from fpframe.report.comparison.folder import write_comparison
from fpframe.report.comparison.tables import comparison_markdown
from fpframe.store.store import Store
from fpframe.zoo import Zoo, partition
from fpframe.zoo.folds import divide_families
from fpframe.zoo.planner import plan_models
from fpframe.zoo.references import ZooReferences
from tiny import evaluate_tiny

pytestmark = pytest.mark.slow

MINE = """
name = "mine"
summary = "random images, labels"
encoder = { name = "labels" }

[[parts]]
augmenter = { name = "random" }
perturbation = { name = "none" }
pair = false
points = 30
views = 2
"""


@pytest.fixture(scope="module")
def scheme_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("scheme") / "mine.toml"
    path.write_text(MINE)
    return path


@pytest.fixture(scope="module")
def comparison(tiny_store, scheme_file):
    return compare(
        ["akh", "uap-contrastive", str(scheme_file)],
        recipe="tiny",
        design=Design(seeds=2, contrast=("uap-contrastive", "akh")),
        run=fpframe.Run(store=tiny_store),
    )


def test_kinds_of_theft_are_told_apart(comparison):
    kinds = {model.name: model.kind for model in comparison.models if model.relation == "derived"}
    assert set(kinds.values()) <= set(KINDS)
    for name, kind in kinds.items():
        last = name.split("->")[-1]
        if last.startswith("extract(soft"):
            assert kind == "natural queries, soft labels"
        if last.startswith("extract-noise(top1"):
            assert kind == "augmented queries, top-1 labels"
        if last.startswith(("prune", "finetune")):
            assert kind == MODIFIED


def test_scores_are_those_of_enroll_and_evaluate(comparison, tiny_enrolment, tiny_store):
    """The same enrolment, made by itself: not one score differs."""
    enrolment = Enrolment.open(tiny_enrolment)
    alone = evaluate_tiny(enrolment, tiny_store)
    outcome = next(each for each in comparison.of("uap-contrastive", "probs") if each.seed == 0)
    assert outcome.scores.tolist() == [item.verdict.score for item in alone.suspects]
    assert list(outcome.verdicts) == [item.verdict.verdict for item in alone.suspects]
    assert list(outcome.p_values) == [item.verdict.p_value for item in alone.suspects]


def test_seeds_change_the_queries_and_not_the_models(comparison):
    first, second = comparison.of("mine", "probs")
    assert (first.seed, second.seed) == (0, 1)
    assert first.scores.tolist() != second.scores.tolist()
    assert first.views.shape == (len(comparison.models), 2)


def test_areas_are_means_over_seeds_of_the_models_that_count(comparison):
    found = {(area.contender, area.theft, area.stratum): area for area in areas(comparison, "top1")}
    assert list(dict.fromkeys(cell for cell in cells(comparison)))[-1] == (ALL_THEFTS, ALL_INDEPENDENT)
    derived, independent = comparison.rows("derived"), comparison.rows("independent", "attacked")
    assert not any(comparison.models[row].failed for row in derived)
    whole = found["akh", ALL_THEFTS, "attacked"]
    each = [auc(seed[derived], seed[independent]) for seed in comparison.scores("akh", "top1")]
    assert whole.auc == pytest.approx(np.mean(each))
    assert whole.n_derived == len(derived)
    assert whole.interval[0] <= whole.auc <= whole.interval[1]


def test_failed_thefts_and_missing_scores_count_as_they_should(comparison):
    """A failed theft drops out; an innocent without a score counts against the claimant, like a theft without one."""
    derived, innocent = comparison.rows("derived")[0], comparison.rows("independent")[0]
    fewer = attrs.evolve(
        comparison,
        models=tuple(
            attrs.evolve(model, failed=True) if row == derived else model for row, model in enumerate(comparison.models)
        ),
    )
    assert derived not in fewer.rows("derived")
    failed = sum(model.failed for model in fewer.models)
    assert f"count nowhere: {failed}." in comparison_markdown(fewer)

    def without(row: int):
        return attrs.evolve(
            comparison,
            outcomes=tuple(
                attrs.evolve(each, views=np.where(np.arange(len(each.views))[:, None] == row, np.nan, each.views))
                for each in comparison.outcomes
            ),
        )

    def whole(given) -> float:
        return next(
            area.auc
            for area in areas(given, "probs")
            if (area.contender, area.theft, area.stratum) == ("uap-contrastive", ALL_THEFTS, ALL_INDEPENDENT)
        )

    assert whole(without(derived)) < whole(comparison)
    assert whole(without(innocent)) < whole(comparison)


@pytest.mark.slow
def test_nothing_is_asked_twice(comparison, tiny_store, scheme_file, monkeypatch):
    """A second run, and a scheme that joins with queries that were asked before, ask no model at all."""
    asked, opened = [], Zoo.query
    monkeypatch.setattr(Zoo, "query", lambda zoo, model: asked.append(model) or opened(zoo, model))
    again = compare(
        ["akh", "sac", scheme_file],
        recipe="tiny",
        design=Design(seeds=2, channels=("probs",)),
        run=fpframe.Run(store=tiny_store),
    )
    assert asked == []
    assert again.scores("akh", "probs").tolist() == comparison.scores("akh", "probs").tolist()


def test_costs_are_those_of_the_first_run_also_when_answers_are_found(comparison, tiny_store):
    again = compare(["akh"], recipe="tiny", run=fpframe.Run(store=tiny_store))
    first, second = (
        next(cost for cost in each.costs if (cost.contender, cost.seed) == ("akh", 0)) for each in (comparison, again)
    )
    assert first.queries == second.queries == 100
    assert second.verify_seconds > 0.2 * first.verify_seconds
    assert second.enrol_seconds > 0.2 * first.enrol_seconds


@pytest.fixture(scope="module")
def crossed(tiny_store):
    return compare(
        ["akh", "uap-contrastive"],
        recipe="tiny",
        design=Design(folds=3, sizes=(40,)),
        run=fpframe.Run(store=tiny_store),
    )


@pytest.mark.slow
def test_a_cross_fit_scores_every_model_of_the_recipe(crossed, registry):
    plan = plan_models(Recipe.load("tiny"), registry, splits=("fit", "calibrate", "test"), without=())
    assert [model.name for model in crossed.models] == [str(model.lineage) for model in plan]
    for outcome in crossed.outcomes:
        assert np.isfinite(outcome.views).all()
        assert outcome.verdicts == ()
    assert {cost.queries for cost in crossed.costs} == {40}
    assert "cross-fitted" in comparison_markdown(crossed)


def test_families_are_never_divided_and_every_fold_has_its_share(registry):
    plan = plan_models(Recipe.load("tiny"), registry, splits=("fit", "calibrate", "test"), without=())
    places = divide_families(plan, 3, seed=0)
    assert {model.family for model in plan} == places.keys()
    for relation in ("derived", "independent"):
        counts = np.bincount([places[model.family] for model in plan if model.relation == relation])
        assert counts.min() > 0.6 * counts.max()


@pytest.mark.slow
def test_a_cross_fit_never_sees_the_models_that_it_scores(tiny_store, monkeypatch):
    """Each time an encoder is fitted, and each time queries are made, the families of the fold are absent."""
    from fpframe.comparison import rounds
    from fpframe.enrolment import asked as asking

    splits, fits, handed = [], [], []
    references = asking.ZooReferences.of

    def handing(zoo, *, keep):
        made = references(zoo, keep=keep)
        handed.append({model.family for side in (made.derived, made.independent) for model in side.models})
        return made

    monkeypatch.setattr(asking.ZooReferences, "of", handing)
    ask, fit = rounds.ask_zoo, rounds.fit_encoders

    def asked(setting, method, zoo, **options):
        splits.append(({model.family for model in zoo.models}, {model.family for model in zoo.of("test")}))
        return ask(setting, method, zoo, **options)

    def watching(encoder, answered, *args, **kwargs):
        fits.append({model.family for model, _ in answered})
        return fit(encoder, answered, *args, **kwargs)

    monkeypatch.setattr(rounds, "ask_zoo", asked)
    monkeypatch.setattr(rounds, "fit_encoders", watching)
    compare(
        ["residual"],
        recipe="tiny",
        design=Design(folds=3, sizes=(20,), channels=("top1",)),
        run=fpframe.Run(store=tiny_store),
    )
    assert len(splits) == len(fits) == len(handed) == 3
    assert handed == fits
    for (_, held_out), fitted in zip(splits, fits, strict=True):
        assert fitted
        assert held_out
        assert not fitted & held_out
    assert set.union(*(held_out for _, held_out in splits)) == splits[0][0]


@pytest.mark.parametrize("folds", [0, 1, 200])
def test_folds_without_models_are_refused_before_anything_is_trained(folds, tiny_store):
    """The victim is there already, and of the zoo nothing is built: the store is that of the test alone."""
    trained = []
    run = fpframe.Run(store=tiny_store, on_event=lambda event: trained.append(event.task))
    with pytest.raises(UsageError, match="folds"):
        compare(["akh"], recipe="tiny", design=Design(folds=folds), run=run)
    assert "training models" not in trained
    assert "asking the zoo" not in trained


def test_thefts_that_all_failed_leave_nothing_to_find(tiny_store, monkeypatch):
    facts = fpframe.Zoo.facts
    monkeypatch.setattr(
        fpframe.Zoo,
        "facts",
        lambda zoo, model: attrs.evolve(facts(zoo, model), failed=model.relation == "derived"),
    )
    with pytest.raises(DataError, match="every theft of recipe 'tiny' has failed"):
        compare(["akh"], recipe="tiny", run=fpframe.Run(store=tiny_store))


def test_a_size_that_is_named_twice_is_one(registry):
    made = make_contenders(["akh"], Recipe.load("tiny"), registry, without=(), sizes=Design(sizes=(40, 40)).sizes)
    assert [contender.name for contender in made] == ["akh"]


def test_a_size_is_shared_out_by_the_scheme(registry):
    recipe = Recipe.load("tiny")
    part = Part(augmenter=ComponentSpec("random"), perturbation=ComponentSpec("none"), pair=False, points=30, views=4)
    mixed = Scheme(
        name="mixed",
        summary="three to one",
        parts=(part, attrs.evolve(part, pair=True, points=5)),
        encoder=ComponentSpec("labels"),
    )
    method = check_method(recipe, registry, without=(), scheme=mixed)
    large = resized(method, 320)
    assert [(each.points, each.views) for each in large.parts] == [(60, 4), (10, 4)]
    small = resized(method, 16)  # a view of the second part would have half a point
    assert [(each.points, each.views) for each in small.parts] == [(12, 1), (2, 1)]
    with pytest.raises(UsageError, match="4 queries are too few for scheme 'mixed'"):
        resized(method, 4)


def test_every_difference_is_corrected_for_all(comparison):
    tests = pairs(comparison, "probs")
    assert [(each.first, each.second) for each in tests] == [
        ("akh", "uap-contrastive"), ("akh", "mine"), ("uap-contrastive", "mine"),
    ]  # fmt: skip
    assert all(each.adjusted >= each.test.p_value for each in tests)
    in_cells = contrasts(comparison, "probs", "uap-contrastive", "akh")
    assert len(in_cells) == len(cells(comparison))
    whole = in_cells[-1]
    assert whole.test.difference == pytest.approx(-tests[0].test.difference)


def test_everything_is_written(comparison, tmp_path):
    write_comparison(comparison, tmp_path)
    names = {path.name for path in tmp_path.iterdir()}
    pictures = {f"{kind}-{channel}.svg" for kind in ("roc", "scores", "queries") for channel in ("probs", "top1")}
    assert names == {"result.json", "recipe.toml", "table.md", "cells.csv", "scores.csv"} | pictures
    result = json.loads((tmp_path / "result.json").read_text())
    assert result["outcomes"][0]["scores"] == comparison.outcomes[0].scores.tolist()
    rows = list(csv.DictReader(io.StringIO((tmp_path / "cells.csv").read_text())))
    assert len(rows) == 2 * 3 * len(cells(comparison))
    scores = list(csv.DictReader(io.StringIO((tmp_path / "scores.csv").read_text())))
    assert tuple(scores[0]) == RECORD
    assert len(scores) == len(comparison.outcomes) * len(comparison.models)
    first, outcome = comparison.records()[0], comparison.outcomes[0]
    assert (first["score"], first["scheme"]) == (outcome.scores[0], outcome.contender)
    assert float(scores[0]["score"]) == pytest.approx(first["score"], abs=1e-6)
    assert {row["verdict"] for row in scores} <= {"", "DERIVED", "NOT_SHOWN", "INCONCLUSIVE"}
    assert {row["split"] for row in scores} == {"test"}
    assert float(scores[0]["p_value"]) == pytest.approx(outcome.p_values[0], abs=1e-6)
    table = (tmp_path / "table.md").read_text()
    for words in ("uap-contrastive", "mine", "Channel `top1`", "AUC of `uap-contrastive` minus that of `akh`"):
        assert words in table
    for row in rows:
        if (row["channel"], row["stratum"]) == ("probs", ALL_INDEPENDENT):
            assert f"{float(row['auc']):.3f} [{float(row['low']):.3f}, {float(row['high']):.3f}]" in table


def test_scores_become_a_data_frame_where_there_is_pandas(comparison, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", SimpleNamespace(DataFrame=lambda rows, columns: (rows, columns)))
    assert comparison.to_frame() == (comparison.records(), list(RECORD))
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(UsageError, match="needs pandas"):
        comparison.to_frame()


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"schemes": []}, "name schemes"),
        ({"schemes": ["akh", "akh"]}, "'akh' is named twice"),
        ({"schemes": ["akh"], "design": {"seeds": 0}}, r"number of seeds must be at least 1 \(got 0\)"),
        ({"schemes": ["akh"], "design": {"channels": ()}}, "needs a channel"),
        ({"schemes": ["akh"], "design": {"sizes": (1,)}}, "1 queries are too few for scheme 'akh'"),
        ({"schemes": ["akh"], "design": {"folds": 1}}, r"number of folds must be at least 2 \(got 1\)"),
        ({"schemes": ["akh"], "design": {"contrast": ("akh", "akh")}}, "between two schemes"),
        ({"schemes": ["akh", "sac"], "design": {"contrast": ()}}, "between two schemes"),
        ({"schemes": ["akh", "sac"], "design": {"contrast": ("akh", "sac", "residual")}}, "and each of the others"),
        ({"schemes": ["akh"], "design": {"contrast": "akh"}}, "'akh' of the contrast takes part alone"),
        ({"schemes": ["akh"], "design": {"sizes": (0,)}}, "'sizes' of 'Design' must be a whole number of at least 1"),
        (
            {"schemes": ["akh", "sac"], "design": {"contrast": ("akh", "sax")}},
            "'sax' of the contrast does not take part.*'sac'",
        ),
    ],
)
def test_what_cannot_be_compared_is_refused_before_any_work(wrong, text, tmp_path):
    with pytest.raises(UsageError, match=text):
        compare(
            wrong["schemes"],
            recipe="tiny",
            design=Design(**wrong.get("design", {})),
            run=fpframe.Run(store=tmp_path),
        )
    assert not any(tmp_path.iterdir())


def test_a_contender_that_would_not_be_enrolled_is_compared_and_said_to_be_unfit(comparison):
    assert comparison.doubts == ()
    note = Note("architecture-accused", "Models of 'random:1' would be called derived.")
    doubts = tuple(Doubt(contender="akh", seed=seed, note=note, zoo=0) for seed in (0, 1))
    doubted = attrs.evolve(comparison, doubts=doubts)
    assert doubted.to_dict()["doubts"][1] == {"contender": "akh", "seed": 1, "note": note.to_dict(), "zoo": 0}
    told = (
        "`akh` is not fit to accuse anybody here, and would not be enrolled (architecture-accused, seed 0, 1): Models"
    )
    assert told in comparison_markdown(doubted)
    assert "not fit to accuse" not in comparison_markdown(comparison)


def test_a_contender_whose_calibration_models_answer_alike_is_compared_and_said_to_be_unfit(tiny_store, monkeypatch):
    def refuse(enrolment):
        raise UsageError("alpha 0.1 cannot be reached: all models answer alike")

    monkeypatch.setattr(Enrolment, "require_families", refuse)
    found = compare(["akh"], recipe="tiny", design=Design(channels=("top1",)), run=fpframe.Run(store=tiny_store))
    assert [(doubt.contender, doubt.note.code) for doubt in found.doubts] == [("akh", "calibration-repeats")]
    assert len(found.outcomes[0].verdicts) == len(found.models)
    assert "would not be enrolled (calibration-repeats, seed 0): alpha 0.1 cannot be reached" in comparison_markdown(
        found
    )


def test_a_scheme_file_says_what_is_wrong_with_it(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(MINE.replace("pair", "pear"))
    with pytest.raises(RecipeError, match=r"unknown key 'parts.0.pear'; did you mean 'pair'"):
        load_scheme(path)
    path.write_text("name = ")
    with pytest.raises(RecipeError, match="not TOML"):
        load_scheme(path)
    path.write_text(MINE.replace("points = 30", "points = -3"))
    with pytest.raises(RecipeError, match=r"'parts.0.points' must be"):
        load_scheme(path)
    with pytest.raises(RecipeError, match="cannot read the scheme"):
        load_scheme(tmp_path / "none.toml")


def test_a_scheme_of_a_file_can_enroll(scheme_file, tiny_store):
    enrolment = fpframe.enroll(recipe="tiny", scheme=str(scheme_file), run=fpframe.Run(store=tiny_store))
    assert enrolment.scheme == enrolment.recipe.scheme == "mine"
    assert enrolment.queries.queries == 60


def test_references_are_loaded_one_by_one_and_their_answers_kept(tiny_store, registry, digits, monkeypatch):
    from fpframe.zoo import references
    from fpframe.zoo.workspace import Workspace
    from fpframe.zoo.zoo import Zoo

    recipe = Recipe.load("tiny")
    parts = partition(digits, recipe.partition, seed=recipe.seed)
    space = Workspace(
        dataset=digits, parts=parts, registry=registry, store=Store(tiny_store), victim_backbone="paper:arc-e"
    )
    plan = [model for model in plan_models(recipe, registry, splits=("fit",), without=()) if model.trained]
    zoo = Zoo(tuple(plan), space)
    loaded = []
    monkeypatch.setattr(references.Zoo, "load", _counting(Zoo.load, loaded))
    models = ZooReferences.of(zoo, keep=True)
    assert len(models.independent) == len(plan)
    assert len(models.independent[1:3]) == 2
    assert not loaded
    _, answers = models.answers(parts.pool.pixels[:7])
    assert answers.shape == (len(plan), 7, 10)
    expected = models.independent[0].logits(parts.pool.pixels[:7]).softmax(1)
    assert torch.allclose(answers[0], expected, atol=1e-6)
    before = len(loaded)
    monkeypatch.setattr(references.Zoo, "query", lambda *_: pytest.fail("asked again"))
    _, again = models.answers(parts.pool.pixels[:7])
    assert torch.equal(again, answers)
    assert len(loaded) == before


def _counting(load, loaded):
    def count(zoo, model):
        loaded.append(model)
        return load(zoo, model)

    return count


def test_contenders_of_several_sizes_are_named_by_them(registry):
    made = make_contenders(["akh", "sac"], Recipe.load("tiny"), registry, without=(), sizes=(40, 80))
    assert [contender.name for contender in made] == ["akh@40", "sac@40", "akh@80", "sac@80"]
