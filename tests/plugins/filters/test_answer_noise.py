"""`answer-noise` adds noise to answers."""

import pytest
import torch

from plugins.filters.questions import K, images, open_query


def test_answer_noise_has_the_deviation_that_it_says_before_it_is_scaled(make):
    query = make("answer-noise", deviation=0.01).wrap(open_query(lambda p: torch.zeros(len(p), K)), seed=0)
    answers = query(images(2000, side=2))
    # dividing by the sum takes the noise along one of the K directions away
    assert float(answers.std()) == pytest.approx(0.01 * (1 - 1 / K) ** 0.5, rel=0.05)


def test_a_row_that_noise_wipes_out_becomes_uniform(make):
    query = make("answer-noise", deviation=100.0).wrap(open_query(), seed=0)
    answers = query(images(300, side=2))
    wiped = (answers == 1 / K).all(1)
    assert 0 < int(wiped.sum()) < 60  # all K signs are negative once in sixteen
    torch.testing.assert_close(answers.sum(1), torch.ones(300))
