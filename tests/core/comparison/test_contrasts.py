"""Contrasts: two schemes in every cell, or one against each of the others; and who was called derived, by kind."""

from __future__ import annotations

import attrs
import pytest

from fpframe.cli.texts import one_or_two
from fpframe.comparison.cell_areas import ALL_INDEPENDENT, ALL_THEFTS, areas, contrasts, thefts_of
from fpframe.comparison.contenders import contrasts_between, make_contenders
from fpframe.comparison.design import Design
from fpframe.comparison.kinds import KINDS
from fpframe.comparison.zoos import together
from fpframe.decision import holm
from fpframe.errors import UsageError
from fpframe.recipe.recipe import Recipe
from fpframe.recipe.run import Run
from fpframe.report.comparison.tables import comparison_markdown
from made_comparisons import ZOO, made_up


@pytest.fixture(scope="module")
def contenders():
    return make_contenders(
        ["akh", "residual", "sac"], Recipe.load("tiny"), Run().registry, without=(), sizes=(100, 300)
    )


def test_one_scheme_is_tested_against_each_of_the_others_in_each_size(contenders):
    assert contrasts_between(contenders, ("residual",)) == (
        ("residual@100", "akh@100"),
        ("residual@300", "akh@300"),
        ("residual@100", "sac@100"),
        ("residual@300", "sac@300"),
    )
    assert contrasts_between(contenders, ("sac", "akh")) == (("sac@100", "akh@100"), ("sac@300", "akh@300"))
    assert contrasts_between(contenders, None) == ()
    with pytest.raises(UsageError, match=r"'sax' of the contrast does not take part.*'sac'"):
        contrasts_between(contenders, ("sax",))


def test_a_contrast_may_be_written_as_one_name():
    assert Design(contrast="residual").contrast == Design(contrast=["residual"]).contrast == ("residual",)


@pytest.mark.parametrize("text", ["", ":", "residual:", ":akh", "akh:akh", "residual:akh:sac"])
def test_a_text_that_is_neither_one_scheme_nor_two_is_refused(text):
    with pytest.raises(UsageError, match=f"--contrast takes two schemes.*got '{text}'"):
        one_or_two(text, "--contrast")


def test_one_against_many_is_one_table_of_rows_whose_p_values_are_adjusted_for_each_rival_by_itself():
    found = made_up(0)
    third = tuple(attrs.evolve(each, contender="c") for each in found.of("b", "probs"))
    costs = tuple(attrs.evolve(each, contender="c") for each in found.costs if each.contender == "b")
    found = attrs.evolve(
        found, outcomes=found.outcomes + third, costs=found.costs + costs, contrasts=(("a", "b"), ("a", "c"))
    )
    tests = contrasts(found, "probs", "a", "b", stratum=ALL_INDEPENDENT)
    assert [each.theft for each in tests] == thefts_of(found)
    assert [each.adjusted for each in tests] == holm([each.test.p_value for each in tests])
    table = comparison_markdown(found)
    assert "AUC of `a` minus that of each of the others" in table
    assert "in every cell" not in table
    (row,) = [line for line in table.splitlines() if line.startswith("| c | ") and "(" in line]
    for each in tests:
        assert f"{each.test.difference:+.3f}{'*' if each.adjusted <= 0.05 else ''} ({each.adjusted:.2g})" in row


def test_models_called_derived_are_counted_by_kind_and_seed():
    one, other = made_up(0), made_up(1)
    both = together([one, other])
    first = [row for row, model in enumerate(both.models) if model.kind == KINDS[0]]
    assert len(first) == 2 * ZOO[0][2]
    table = comparison_markdown(both)
    assert "with each seed, of n models of all zoos" in table
    (row,) = [line for line in table.splitlines() if line.startswith(f"| derived | {KINDS[0]} | 16 |")]
    for name in "ab":
        counts = [sum(each.verdicts[place] == "DERIVED" for place in first) for each in both.of(name, "probs")]
        assert f" {counts[0]}, {counts[1]} |" in row
    assert "| independent | wild | 20 | 0, 0 | 0, 0 |" in table


def test_a_cross_fit_calls_nobody_derived():
    without = tuple(attrs.evolve(each, verdicts=(), p_values=()) for each in made_up(0).outcomes)
    found = attrs.evolve(made_up(0), outcomes=without, folds=2)
    assert "Called derived" not in comparison_markdown(found)


def test_a_notebook_shows_a_table_for_each_channel():
    found = made_up(0)
    found = attrs.evolve(
        found,
        recipe=attrs.evolve(found.recipe, name="<mine>"),
        outcomes=found.outcomes + tuple(attrs.evolve(each, channel="top1", verdicts=()) for each in found.outcomes),
    )
    shown = found._repr_html_()
    assert shown.count("<table>") == 2
    assert "recipe &lt;mine&gt;" in shown
    (area,) = [
        each
        for each in areas(found, "probs")
        if (each.contender, each.theft, each.stratum) == ("a", ALL_THEFTS, ALL_INDEPENDENT)
    ]
    mean = sum(each.verdicts[row] == "DERIVED" for each in found.of("a", "probs") for row in found.rows("derived")) / 2
    assert f"<td>a</td><td>{area.auc:.3f}</td>" in shown
    assert f"<td>{mean:.3g} of 12</td><td>0 of 22</td><td>30</td>" in shown
    assert shown.count("<td>-</td><td>-</td>") == 2
