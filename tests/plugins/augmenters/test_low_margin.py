"""`low-margin` takes the least certain images, against the choice spelt out by hand."""

from __future__ import annotations

import torch

from plugins.augmenters.choosing import SHAPE, choose, images, margin_by_hand, victim


def test_low_margin_takes_the_smallest_margins_of_all_and_deals_them_out_in_turn(registry):
    pool = images(80)
    by_hand = margin_by_hand(pool)
    order = sorted(range(80), key=by_hand.__getitem__)
    chosen = choose(registry.create("augmenter", "low-margin"), pool, points=6, views=4)
    assert [view.tolist() for view in chosen] == [order[view:24:4] for view in range(4)]


def test_low_margin_tells_apart_images_of_which_the_victim_is_all_but_certain(registry):
    # in float32 all of these margins are 1
    first = torch.tensor([0.90, 0.80, 0.85, 0.95, 0.75])
    pool = torch.stack([first, *torch.zeros(3, 5)], dim=1).reshape(5, *SHAPE)
    chosen = choose(registry.create("augmenter", "low-margin"), pool, points=5, model=victim(scale=40.0))
    assert chosen[0].tolist() == [4, 1, 2, 0, 3]


def test_low_margin_takes_the_lower_index_of_equal_margins(registry):
    chosen = choose(registry.create("augmenter", "low-margin"), images(50), points=10, model=victim(scale=0.0))
    assert chosen[0].tolist() == list(range(10))
