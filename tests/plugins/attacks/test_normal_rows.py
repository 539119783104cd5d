"""The noise of `extract-noise`, which is drawn batch by batch."""

import pytest
import torch

from fpframe_plugins.attacks.extract_noise import normal_rows


@pytest.mark.parametrize("count", [2, 255, 256, 257, 300, 513])
@pytest.mark.parametrize("each", [(1, 1, 1), (1, 3, 5), (1, 8, 8), (3, 7, 7)])
def test_numbers_drawn_in_batches_are_those_drawn_at_once(count, each):
    expected = torch.randn(count, *each, generator=torch.Generator().manual_seed(3))
    batches = list(normal_rows(torch.Size((count, *each)), torch.Generator().manual_seed(3)))
    assert torch.equal(torch.cat(batches), expected)
    assert [len(batch) for batch in batches] == [len(batch) for batch in expected.split(256)]
