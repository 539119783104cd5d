"""`blur` takes details from images."""

import pytest
import torch

from plugins.filters.questions import images, seen_through


def test_blur_keeps_flat_images_and_spreads_a_point_as_a_gaussian(make):
    flat = torch.full((1, 3, 8, 8), 0.7)
    torch.testing.assert_close(seen_through(make("blur"), flat), flat)
    point = torch.zeros(1, 2, 21, 21)
    point[0, 1, 10, 10] = 1
    seen = seen_through(make("blur", sigma=2.0), point)
    assert float(seen[0, 0].max()) == 0, "channels do not mix"
    assert float(seen.sum()) == pytest.approx(1, abs=1e-5)
    line = seen[0, 1].sum(0)
    offsets = torch.arange(-10.0, 11)
    assert float((line * offsets).sum()) == pytest.approx(0, abs=1e-5)
    assert float((line * offsets**2).sum()) == pytest.approx(4, rel=0.03)  # the tails are cut off
    torch.testing.assert_close(seen[0, 1], seen[0, 1].T)


def test_a_stronger_blur_than_the_image_is_wide_is_its_mean_nearly(make):
    pixels = images(2, side=4)
    seen = seen_through(make("blur", sigma=8.0), pixels)
    assert float(seen.std()) < 0.5 * float(pixels.std())
