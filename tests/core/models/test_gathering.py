"""Batches: how large they are, and how they become one tensor."""

import pytest
import torch

from fpframe.models import asked_at_once, gathered


@pytest.mark.parametrize(
    ("shape", "images"),
    [
        ((1, 28, 28), 512),
        ((3, 32, 32), 512),
        ((3, 64, 64), 128),
        ((3, 224, 224), 16),
        ((3, 512, 512), 2),
        ((3, 5000, 5000), 1),
    ],
)
def test_as_many_images_are_asked_at_once_as_memory_is_worth(shape, images):
    assert asked_at_once(shape) == images


@pytest.mark.parametrize("size", [1, 3, 7, 10])
def test_rows_are_gathered_in_order_and_in_their_type(size):
    whole = torch.arange(14, dtype=torch.int16).reshape(7, 2)
    found = gathered(7, (batch.clone() for batch in whole.split(size)))
    assert torch.equal(found, whole)
    assert found.dtype == whole.dtype
