"""`random` draws from all over the pool."""

from __future__ import annotations

import torch

from plugins.augmenters.choosing import choose, images


def test_random_points_come_from_all_over_the_pool_with_the_same_chance(registry):
    augmenter, pool = registry.create("augmenter", "random"), images(20)
    counts = torch.zeros(20)
    for seed in range(400):
        counts[choose(augmenter, pool, points=5, seed=seed)[0]] += 1
    # each is drawn 100 times of 400; five standard deviations of sqrt(400 / 4 * 3 / 4)
    assert counts.sum() == 2000
    assert (counts - 100).abs().max() < 5 * 75**0.5
