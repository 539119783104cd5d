"""`input-noise` adds noise to images."""

import pytest
import torch

from plugins.filters.questions import seen_through


def test_input_noise_has_the_deviation_that_it_says(make):
    grey = torch.full((40, 1, 16, 16), 0.5)
    noise = seen_through(make("input-noise", deviation=0.05), grey) - grey
    assert float(noise.std()) == pytest.approx(0.05, rel=0.05)
    assert float(noise.mean()) == pytest.approx(0, abs=0.002)
    assert not torch.equal(noise[0], noise[1])
