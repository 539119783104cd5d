"""`temperature` flattens or sharpens answers."""

import torch
import torch.nn.functional as F

from plugins.filters.questions import images, logits, open_query


def test_temperature_is_that_of_the_logits(make):
    pixels = images(20)
    for degree in (0.1, 0.5, 2.0, 50.0):
        answers = make("temperature", temperature=degree).wrap(open_query(), seed=0)(pixels)
        torch.testing.assert_close(answers, F.softmax(logits(pixels) / degree, dim=1), atol=1e-5, rtol=1e-4)


def test_a_probability_of_zero_stays_zero_at_any_temperature(make):
    def ask(pixels):
        return torch.tensor([[0.5, 0.5, 0.0, -1e-8]]).repeat(len(pixels), 1)

    for degree in (0.01, 100.0):
        answers = make("temperature", temperature=degree).wrap(open_query(ask, outputs="probs"), seed=0)(images(2))
        torch.testing.assert_close(answers, torch.tensor([[0.5, 0.5, 0.0, 0.0]]).repeat(2, 1))
