"""The data of a run: in the victim's order of classes, and with what must be known of how they were read."""

from __future__ import annotations

import attrs
import pytest

import fpframe
from fpframe.base.note import Note
from fpframe.errors import DataError, UsageError
from fpframe.zoo.setting import open_workspace, prepare

NOTE = Note("images-converted", "8 of 9 images have more than 8 bits.")


@pytest.fixture
def noted(digits):
    return attrs.evolve(digits, notes=(NOTE,))


@pytest.fixture
def recipe():
    return fpframe.Recipe.load("tiny")


def test_what_a_data_set_says_is_told_before_anything_is_trained_and_is_a_caveat(noted, recipe, registry, tmp_path):
    told = []
    run = fpframe.Run(registry=registry, store=tmp_path, on_event=told.append)
    workspace = open_workspace(recipe, noted, run)
    assert [(event.kind, event.text) for event in told] == [("note", NOTE.text)]
    assert prepare(None, recipe, workspace, run, may_train=False).caveats == (NOTE,)


@pytest.mark.parametrize("by", ["object", "address"])
def test_the_classes_of_a_run_are_those_of_its_data_in_the_victims_order(noted, recipe, registry, tmp_path, by):
    run = fpframe.Run(registry=registry, store=tmp_path, classes=noted.classes[::-1])
    opened = open_workspace(recipe, noted if by == "object" else "digits", run).dataset
    assert opened.classes == noted.classes[::-1]
    if by == "object":
        assert opened.train.labels.tolist() == (9 - noted.train.labels).tolist()


@pytest.mark.parametrize(
    ("enrolled", "taken"), [("9876543210", "9876543210"), ("abc", "0123456789"), ("", "0123456789")]
)
def test_the_order_of_an_enrolment_is_taken_where_the_run_names_none(recipe, registry, tmp_path, enrolled, taken):
    run = fpframe.Run(registry=registry, store=tmp_path)
    assert open_workspace(recipe, "digits", run, enrolled=tuple(enrolled)).dataset.classes == tuple(taken)


def test_an_order_of_other_classes_is_refused_by_name(noted, recipe, registry, tmp_path):
    run = fpframe.Run(registry=registry, store=tmp_path, classes=[*noted.classes[:9], "ten"])
    with pytest.raises(DataError, match="the data has no class 'ten'"):
        open_workspace(recipe, noted, run)


def test_classes_in_one_text_are_refused():
    with pytest.raises(UsageError, match=r"'classes' is a text \(got 'cat,dog'\); give a list"):
        fpframe.Run(classes="cat,dog")
