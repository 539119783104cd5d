"""Channels: what is left of an answer."""

import math

import pytest
import torch

from fpframe import UsageError, through_channel
from fpframe.models.channel import nearest_channel, observe_channel

ANSWERS = torch.tensor([[0.126, 0.624, 0.25], [0.4, 0.4, 0.2]])


def test_probs_changes_nothing():
    assert through_channel(ANSWERS, "probs") is ANSWERS


def test_top1_leaves_a_one_hot_row_and_gives_a_tie_to_the_first():
    assert through_channel(ANSWERS, "top1").tolist() == [[0, 1, 0], [1, 0, 0]]


@pytest.mark.parametrize(("channel", "first"), [("rounded:0", [0, 1, 0]), ("rounded:2", [0.13, 0.62, 0.25])])
def test_rounding_keeps_that_many_decimals(channel, first):
    torch.testing.assert_close(through_channel(ANSWERS, channel)[0], torch.tensor(first, dtype=torch.float32))


@pytest.mark.parametrize("channel", ["probs", "top1", "rounded:3"])
@pytest.mark.parametrize("broken", [math.nan, math.inf])
def test_rows_that_are_not_finite_stay_so_and_spoil_no_other_row(channel, broken):
    answers = ANSWERS.clone()
    answers[0, 1] = broken
    reduced = through_channel(answers, channel)
    assert not reduced[0].isfinite().all()
    assert torch.equal(reduced[1], through_channel(ANSWERS, channel)[1])


@pytest.mark.parametrize("channel", ["top1", "rounded:1"])
def test_a_channel_keeps_shape_and_type_and_reveals_no_more_the_second_time(channel):
    answers = torch.rand(2, 3, 4, 5, dtype=torch.float64)
    once = through_channel(answers, channel)
    assert (once.shape, once.dtype) == (answers.shape, answers.dtype)
    assert torch.equal(through_channel(once, channel), once)


@pytest.mark.parametrize("channel", ["top5", "rounded", "rounded:", "rounded:x", "rounded:-1", "", "PROBS"])
def test_an_unknown_channel_is_refused_with_the_known_ones(channel):
    with pytest.raises(UsageError, match=f"unknown channel '{channel}'; known: probs, rounded:K with"):
        through_channel(ANSWERS, channel)


@pytest.mark.parametrize("channel", ["probs", "rounded:1", "rounded:2", "rounded:3", "rounded:4", "top1"])
def test_the_channel_of_answers_is_read_from_them(channel):
    rows = torch.randn(16, 10, generator=torch.Generator().manual_seed(0)).softmax(1)
    assert observe_channel(through_channel(rows, channel)) == channel


def test_the_tiny_probabilities_of_a_sure_model_do_not_pass_for_rounded_ones():
    sure = (torch.randn(16, 10, generator=torch.Generator().manual_seed(0)) * 30).softmax(1)
    assert bool((sure.round(decimals=2) - sure).abs().median() < 1e-6)
    assert observe_channel(sure) == "probs"


def test_rows_that_are_not_finite_tell_nothing_of_the_channel():
    rows = through_channel(ANSWERS.repeat(4, 1), "rounded:1")
    rows[0] = math.nan
    assert observe_channel(rows) == "rounded:1"
    assert observe_channel(torch.full((3, 5), math.nan)) == "probs"


@pytest.mark.parametrize(
    ("channel", "nearest"), [("rounded:3", "rounded:2"), ("rounded:9", "probs"), ("rounded:6", "rounded:2")]
)
def test_the_nearest_channel_is_the_one_that_reveals_about_as_much(channel, nearest):
    assert nearest_channel(channel, ("probs", "rounded:2", "rounded:1", "top1")) == nearest
