"""Near copies of images: others to whoever compares them, and the same to a model."""

from __future__ import annotations

import pytest
import torch

from fpframe.verification.probes import near_copies


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 8, 8), (3, 33, 20)])
def test_a_near_copy_differs_by_one_level_in_the_middle_alone(shape):
    images = torch.randint(0, 256, (5, *shape), generator=torch.Generator().manual_seed(0)).to(torch.uint8)
    images[0], images[1] = 0, 255
    moved = (near_copies(images).int() - images.int()).abs()
    height, width = shape[1:]
    assert int(moved.max()) == 1
    assert bool((moved[..., height // 2, width // 2] == 1).all())
    assert int((moved[0, 0] == 1).sum()) == max(1, height // 4) * max(1, width // 4)
