"""`jpeg` compresses images."""

import pytest
import torch

from fpframe import UsageError
from plugins.filters.questions import images, open_query, seen_through


@pytest.mark.parametrize("channels", [1, 3])
def test_jpeg_loses_more_at_lower_quality_and_gives_8_bit_images(make, channels):
    pixels = images(4, channels=channels, side=16)
    loss = {}
    for quality in (5, 50, 95):
        seen = seen_through(make("jpeg", quality=quality), pixels)
        torch.testing.assert_close(seen * 255, (seen * 255).round())
        loss[quality] = float((seen - pixels).abs().mean())
    assert loss[5] > loss[50] > loss[95] > 0


def test_jpeg_refuses_images_that_it_does_not_know(make):
    query = make("jpeg").wrap(open_query(), seed=0)
    with pytest.raises(UsageError, match=r"filter 'jpeg' takes images with 1 or 3 channels \(got 4\)"):
        query(images(1, channels=4))
