"""`blind-walks` steps away from images in directions that chance chooses, further and further."""

from __future__ import annotations

import pytest
import torch

from fpframe import DataError
from fpframe_plugins.augmenters.blind_walks import BlindWalks, walked_length
from plugins.augmenters.choosing import choose, images, labels_with_errors


def walked(starts: int = 1, steps: int = 5, size: float = 0.25, side: int = 60) -> torch.Tensor:
    """The steps ``(2, W, S, 1, side, side)`` of walks that begin at grey images, less these."""
    grey = torch.full((2, 1, side, side), 128 / 255)
    walks = BlindWalks(starts=starts, steps=steps, size=size).walk(grey, torch.Generator().manual_seed(0))
    assert torch.equal(walks[:, 0], grey)
    return (walks[:, 1:] - grey.unsqueeze(1)).unflatten(1, (3 * starts, steps))


def test_a_step_is_the_same_noise_as_the_one_before_it_but_larger():
    steps = walked(size=0.1) * 255
    for number in range(1, 5):
        expected = steps[:, :, 4] * (number / 5)
        inside = steps[:, :, 4].abs() < 120
        # both are whole grey levels
        assert float((steps[:, :, number - 1] - expected)[inside].abs().max()) <= 1
    assert float(steps[:, :, 0].abs().mean()) > 2


def test_the_three_noises_are_uniform_normal_and_laplacian_of_the_sizes_of_the_release():
    last = walked(size=0.05)[:, :, -1].transpose(0, 1).flatten(1)
    assert float(last[0].abs().max()) == pytest.approx(0.05, abs=0.003)
    assert float(last[0].abs().mean()) == pytest.approx(0.025, abs=0.002)
    assert float(last[1].std()) == pytest.approx(0.05, abs=0.002)
    # the mean absolute value of a Laplacian is its scale; a few are cut off at black and white
    assert float(last[2].abs().mean()) == pytest.approx(0.1, abs=0.005)
    kurtosis = (last[2] ** 4).mean() / (last[2] ** 2).mean() ** 2
    assert float(kurtosis) > 4 > float((last[1] ** 4).mean() / (last[1] ** 2).mean() ** 2)


def test_walks_from_one_image_differ():
    steps = walked(starts=3)
    assert len(steps[0, :, -1].flatten(1).unique(dim=0)) == 9


def test_points_are_images_of_the_pool_with_the_steps_of_their_walks_cut_off_at_the_end():
    pool = (images(40) * 255).round() / 255
    length = walked_length(1, 2)
    chosen = choose(BlindWalks(steps=2), pool, points=2 * length + 3, views=2)
    assert chosen.shape == (2, 17, 1, 2, 2)
    assert torch.equal(chosen, (chosen * 255).round() / 255)
    begins = chosen[:, ::length].flatten(0, 1)
    assert all((pool == image).flatten(1).all(1).any() for image in begins)
    assert len(begins.flatten(1).unique(dim=0)) == 6


def test_images_that_the_victim_gets_wrong_are_taken_last():
    pool = (images(40) * 255).round() / 255
    _, wrong = labels_with_errors(pool, 35)
    chosen = choose(BlindWalks(steps=1), pool, points=4 * 7, views=1, errors=35)[0, ::4]
    taken = [int((pool == image).flatten(1).all(1).float().argmax()) for image in chosen]
    assert not wrong & set(taken[:5])
    assert set(taken[5:]) <= wrong


def test_a_pool_with_fewer_images_than_walks_begin_at_is_refused():
    with pytest.raises(DataError, match="need 12 images but the pool has 10"):
        choose(BlindWalks(steps=1), images(10), points=9, views=4)
