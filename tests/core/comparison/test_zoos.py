"""Comparing on several zoos: each has a victim of its own, counts alike, and is only compared with itself."""

from __future__ import annotations

import math

import attrs
import numpy as np
import pytest

import fpframe
from fpframe.comparison.cell_areas import ALL_INDEPENDENT, ALL_THEFTS, areas, contrasts, pairs, rate_over_zoos
from fpframe.comparison.compare_schemes import compare
from fpframe.comparison.design import Design
from fpframe.comparison.kinds import MODIFIED
from fpframe.comparison.records import Comparison, Doubt
from fpframe.comparison.stage import Stage
from fpframe.comparison.zoos import together
from fpframe.decision.newcombe import auc_interval, mean_auc_interval
from fpframe.decision.zoos import with_zoos
from fpframe.errors import DataError, UsageError
from fpframe.report.comparison.folder import cells_csv, write_comparison
from fpframe.report.comparison.tables import comparison_markdown
from fpframe.zoo import Zoo
from made_comparisons import ZOO, made_up

WHOLE = ALL_THEFTS, ALL_INDEPENDENT


def area_of(comparison: Comparison, contender: str = "a", cell: tuple[str, str] = WHOLE):
    return next(
        area for area in areas(comparison, "probs") if (area.contender, area.theft, area.stratum) == (contender, *cell)
    )


@pytest.fixture
def zoos() -> list[Comparison]:
    return [made_up(0), made_up(1, shift=0.4), made_up(2, shift=2)]


def test_an_area_is_the_mean_of_the_zoos_own_and_holds_what_lies_between_them(zoos):
    whole, alone = area_of(together(zoos)), [area_of(zoo) for zoo in zoos]
    assert whole.auc == pytest.approx(np.mean([area.auc for area in alone]))
    assert whole.by_zoo == pytest.approx({number: area.auc for number, area in enumerate(alone)})
    assert whole.spread == pytest.approx(np.std([area.auc for area in alone], ddof=1))
    assert (whole.n_derived, whole.n_independent) == (3 * 12, 3 * 22)
    within = mean_auc_interval(whole.auc, [(6, 11)] * 3)
    assert whole.interval == pytest.approx(with_zoos(whole.auc, within, [area.auc for area in alone]))
    assert whole.interval[1] - whole.interval[0] > within[1] - within[0]
    assert alone[0].interval == auc_interval(alone[0].auc, 6, 11)
    assert math.isnan(alone[0].spread)


def test_scores_of_different_zoos_are_never_compared(zoos):
    """Another encoder has another scale: moving and stretching all scores of one zoo changes nothing."""
    moved = attrs.evolve(
        zoos[1], outcomes=tuple(attrs.evolve(each, views=1000 + 7 * each.views) for each in zoos[1].outcomes)
    )
    before, after = together(zoos), together([zoos[0], moved, zoos[2]])
    for one, other in zip(areas(before, "probs"), areas(after, "probs"), strict=True):
        assert (one.auc, one.interval, one.power) == (other.auc, other.interval, other.power)
    for one, other in zip(pairs(before, "probs"), pairs(after, "probs"), strict=True):
        assert one == other


def test_the_order_of_zoos_does_not_matter(zoos):
    forth, back = together(zoos), together(zoos[::-1])
    assert area_of(forth).interval == pytest.approx(area_of(back).interval)
    assert pairs(forth, "probs")[0].test.p_value == pytest.approx(pairs(back, "probs")[0].test.p_value)


def test_what_is_put_together_can_be_taken_apart_again(zoos):
    whole = together(zoos)
    for zoo, again in zip(zoos, whole.by_zoo(), strict=True):
        assert again.to_dict() == zoo.to_dict()
    assert together(zoos[:1]) is zoos[0]
    assert zoos[0].by_zoo() == [zoos[0]]
    with pytest.raises(UsageError, match=r"no zoo with seed 7 was compared on; the seeds are 0, 1, 2"):
        whole.of_zoo(7)


def test_the_doubts_of_every_zoo_are_kept_with_its_seed(zoos):
    note = fpframe.Note("architecture-accused", "Models of 'random:1' would be called derived.")
    doubted = attrs.evolve(zoos[1], doubts=(Doubt(contender="a", seed=0, note=note, zoo=1),))
    whole = together([zoos[0], doubted])
    assert [doubt.zoo for doubt in whole.doubts] == [1]
    assert whole.of_zoo(0).doubts == ()
    assert "(architecture-accused, zoo 1, seed 0)" in comparison_markdown(whole)


def test_a_cell_that_one_zoo_alone_has_models_of_says_nothing_of_other_zoos(zoos):
    short = made_up(1, kinds=tuple(kind for kind in ZOO if kind[1] != MODIFIED))
    whole = together([zoos[0], short])
    found = area_of(whole, cell=(MODIFIED, ALL_INDEPENDENT))
    assert found.interval == (0, 1)
    assert list(found.by_zoo) == [0]
    test = next(
        each.test
        for each in contrasts(whole, "probs", "a", "b")
        if (each.theft, each.stratum) == (MODIFIED, ALL_INDEPENDENT)
    )
    assert (test.interval, test.p_value) == ((-1, 1), 1)


def test_a_theft_that_failed_in_one_zoo_counts_in_the_others(zoos):
    failed = attrs.evolve(zoos[0], models=(attrs.evolve(zoos[0].models[0], failed=True), *zoos[0].models[1:]))
    assert area_of(together([failed, zoos[1]])).n_derived == 23
    assert "count nowhere: 1." in comparison_markdown(together([failed, zoos[1]]))


def test_a_rate_over_zoos_is_exact_inside_and_wider_where_zoos_differ():
    alike, apart = rate_over_zoos(15, 30, [0.5, 0.5, 0.5]), rate_over_zoos(15, 30, [0.2, 0.5, 0.8])
    assert alike == pytest.approx((0.3130, 0.6870), abs=1e-4)  # Clopper and Pearson's of 15 in 30
    assert apart[0] < alike[0]
    assert apart[1] > alike[1]
    assert rate_over_zoos(0, 30, [0.0, 0.0, 0.0])[0] == 0


def test_the_table_says_what_its_intervals_hold(zoos):
    whole, alone = comparison_markdown(together(zoos)), comparison_markdown(zoos[0])
    assert "3 zoos with seeds 0, 1, 2" in whole
    assert "(accuracy 0.900, 0.910, 0.920)" in whole
    assert "with what lies between the 3 zoos" in whole
    assert "Student's test with zoos as units" in whole
    assert "what another victim and zoo would change is not in them" in alone
    assert "DeLong's test with families as units" in alone
    assert "Each zoo by itself" not in alone
    rows = [line for line in whole.splitlines() if line.startswith(("| 0 |", "| 1 |", "| 2 |", "| standard"))]
    assert len(rows) == 4
    assert f"{area_of(zoos[1]).auc:.3f} [" in rows[1]
    counts = [sum(verdict == "DERIVED" for verdict in each.verdicts[:12]) for each in zoos[1].of("a", "probs")]
    assert f"; {counts[0]}, {counts[1]} of 12; 0, 0 of 22 |" in rows[1]


def test_rows_of_scores_and_cells_name_the_zoo(zoos):
    whole = together(zoos)
    rows = whole.records()
    assert [row["zoo"] for row in rows[: len(whole.models)]] == [0] * 34 + [1] * 34 + [2] * 34
    assert whole.to_dict()["zoos"][1] == {"seed": 1, "accuracy": 0.91}
    assert [row["p_value"] for row in rows[34:68]] == list(zoos[1].outcomes[0].p_values)
    assert [each.p_values for each in whole.of_zoo(2).outcomes] == [each.p_values for each in zoos[2].outcomes]
    header, first = cells_csv(whole).splitlines()[:2]
    assert header.endswith(",aruc,zoos,sd_between_zoos")
    assert first.split(",")[-2] == "3"
    assert cells_csv(zoos[0]).splitlines()[1].endswith(",1,")


def test_every_file_is_written_for_several_zoos(zoos, tmp_path):
    table = write_comparison(together(zoos), tmp_path)
    assert (tmp_path / "table.md").read_text() == table
    assert "first seed, zoo 0" in (tmp_path / "scores-probs.svg").read_text()


@pytest.mark.parametrize("number", [-1, 0, 1])
def test_too_few_zoos_are_refused(number):
    with pytest.raises(
        UsageError, match=rf"one zoo does not say how far zoos differ; draw at least 2.*\(got {number}\)"
    ):
        Design(zoo_seeds=number)


def test_a_victim_that_cannot_be_trained_anew_is_refused_before_any_work(tmp_path):
    with pytest.raises(UsageError, match="cannot be trained anew by another seed; leave out your victim"):
        compare(
            ["akh"],
            recipe="tiny",
            victim=fpframe.Victim("paper:arc-e", weights="mine.safetensors"),
            design=Design(zoo_seeds=2),
            run=fpframe.Run(store=tmp_path),
        )
    assert not any(tmp_path.iterdir())


MINI = """
name = "mini"
alpha = 0.5

[victim]
backbone = "paper:arc-e"

[training]
epochs = 12
batch_size = 32

[queries]
points = 10
views = 2

[[independent]]
stratum = "same-data"
fit = 2
calibrate = 1
test = 2

[[derived]]
attack = "extract-noise(soft)"
fit = 2
test = 1
"""


@pytest.fixture(scope="module")
def recipe(few_models, tmp_path_factory):
    """Return a recipe of eight models, which takes seconds; nobody could be accused by it."""
    path = tmp_path_factory.mktemp("recipe") / "mini.toml"
    path.write_text(MINI)
    return path


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return tmp_path_factory.mktemp("zoos")


def drawn(recipe, store, *, seeds=2, schemes=("akh",), on_event=lambda event: None) -> Comparison:
    return compare(
        schemes,
        recipe=recipe,
        design=Design(zoo_seeds=seeds, folds=2, channels=("probs",)),
        without=("disjoint-data", "other-architecture", "other-teacher", "thief-recipe", "attacked"),
        run=fpframe.Run(store=store, on_event=on_event),
    )


@pytest.fixture(scope="module")
def found(recipe, store):
    told = []
    return drawn(recipe, store, on_event=told.append), told


@pytest.mark.slow
def test_each_zoo_has_a_victim_and_models_of_its_own_and_the_same_test_images(found):
    comparison, _ = found
    first, second = comparison.by_zoo()
    assert [zoo.seed for zoo in comparison.zoos] == [0, 1]
    assert not {model.lineage for model in first.models} & {model.lineage for model in second.models}
    assert [model.name for model in first.models] == [model.name for model in second.models]
    assert {(cost.zoo, cost.seed) for cost in comparison.costs} == {(0, 0), (1, 0)}
    assert comparison.outcomes[0].views.shape == (16, 2)


@pytest.mark.slow
def test_the_first_zoo_is_the_one_that_a_comparison_on_one_zoo_has(found, recipe, store):
    alone = drawn(recipe, store, seeds=None)
    assert alone.scores("akh", "probs").tolist() == found[0].of_zoo(0).scores("akh", "probs").tolist()
    assert alone.zoos == found[0].zoos[:1]


@pytest.mark.slow
def test_what_all_zoos_cost_is_told_before_anything_is_trained(found):
    _, told = found
    tasks = [event.task for event in told]
    assert told[0].text.startswith(
        "2 zoos, seeds 0, 1, each with a victim of its own: 16 models; 16 are to be trained, about"
    )
    assert tasks.index("victim") > 0


@pytest.mark.slow
def test_stored_models_and_answers_of_all_zoos_are_reused(found, recipe, store, monkeypatch):
    asked, opened, told = [], Zoo.query, []
    monkeypatch.setattr(Zoo, "query", lambda zoo, model: asked.append(model) or opened(zoo, model))
    again = drawn(recipe, store, on_event=told.append)
    assert asked == []
    assert told[0].text.endswith("16 models; all of them are in the store already")
    assert again.scores("akh", "probs").tolist() == found[0].scores("akh", "probs").tolist()


@pytest.mark.slow
def test_a_zoo_that_was_built_by_its_seed_is_found(recipe, tmp_path):
    """As `fpframe zoo build --seed 1` builds it, on whatever machine."""
    run = fpframe.Run(store=tmp_path)
    fpframe.plan_zoo(recipe, seed=1, without=("disjoint-data",), run=run).build()
    told = []
    drawn(recipe, tmp_path, on_event=told.append)
    assert "16 models; 8 are to be trained" in told[0].text


@pytest.mark.slow
def test_an_error_says_in_which_zoo_it_came_up(recipe, store, found, monkeypatch):
    questioned = Stage.questioned

    def failing(stage):
        if stage.setting.recipe.seed == 1:
            raise DataError("every theft has failed")
        return questioned(stage)

    monkeypatch.setattr(Stage, "questioned", failing)
    with pytest.raises(DataError, match=r"every theft has failed \(zoo with seed 1; what other zoos took is kept\)"):
        drawn(recipe, store)
