"""`round` rounds answers."""

import pytest
import torch

from plugins.filters.questions import images, open_query


@pytest.mark.parametrize("decimals", [1, 3])
def test_round_gives_so_many_decimals(make, decimals):
    pixels = images(20)
    answers = make("round", decimals=decimals).wrap(open_query(), seed=0)(pixels)
    assert torch.equal(answers, open_query()(pixels).round(decimals=decimals))
