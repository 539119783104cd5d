"""`flip` mirrors images."""

import torch

from plugins.filters.questions import images, seen_through


def test_flip_mirrors_left_to_right_as_often_as_it_says(make):
    pixels = images(400, side=2)
    assert torch.equal(seen_through(make("flip"), pixels), pixels.flip(-1))
    seen = seen_through(make("flip", probability=0.25), pixels)
    mirrored = (seen == pixels.flip(-1)).flatten(1).all(1)
    untouched = (seen == pixels).flatten(1).all(1)
    assert bool((mirrored ^ untouched).all())
    assert 0.19 < float(mirrored.float().mean()) < 0.31  # three standard deviations of 400 coins
