"""`misclassified` takes the victim's errors, against the choice spelt out by hand."""

from __future__ import annotations

import pytest
import torch

from plugins.augmenters.choosing import choose, images, labels_with_errors, margin_by_hand


@pytest.mark.parametrize("errors", [30, 31, 90])
def test_misclassified_asks_errors_alone_where_there_are_enough(registry, errors):
    pool = images(200)
    labels, wrong = labels_with_errors(pool, errors)
    chosen = choose(registry.create("augmenter", "misclassified"), pool, points=10, views=3, labels=labels)
    assert set(chosen.flatten().tolist()) <= wrong


def test_misclassified_draws_from_all_errors_and_not_the_first_or_closest_ones(registry):
    pool = images(200)
    labels, wrong = labels_with_errors(pool, 90)
    augmenter = registry.create("augmenter", "misclassified")
    seen = [choose(augmenter, pool, points=10, views=3, labels=labels, seed=seed) for seed in range(40)]
    # an error is left out of all 40 draws with a chance of (2/3)^40, one in ten million
    assert set(torch.cat(seen).flatten().tolist()) == wrong


@pytest.mark.parametrize("errors", [0, 1, 17, 29])
def test_misclassified_asks_every_error_and_fills_up_with_the_right_answers_of_lowest_margin(registry, errors):
    pool = images(200)
    labels, wrong = labels_with_errors(pool, errors)
    by_hand = margin_by_hand(pool)
    right = sorted(set(range(200)) - wrong, key=by_hand.__getitem__)
    chosen = choose(registry.create("augmenter", "misclassified"), pool, points=10, views=3, labels=labels)
    assert set(chosen.flatten().tolist()) == wrong | set(right[: 30 - errors])


def test_misclassified_gives_every_view_its_share_of_the_errors(registry):
    pool = images(200)
    labels, wrong = labels_with_errors(pool, 17)
    chosen = choose(registry.create("augmenter", "misclassified"), pool, points=10, views=3, labels=labels)
    assert sorted(len(wrong & set(view.tolist())) for view in chosen) == [5, 6, 6]
