"""`most-certain` takes what the victim is right about and surest of, against the choice spelt out by hand."""

from __future__ import annotations

import pytest

from plugins.augmenters.choosing import choose, images, labels_with_errors, victim


@pytest.mark.parametrize("errors", [0, 90, 180])
def test_most_certain_asks_what_the_victim_gets_right_by_the_sum_of_squares_and_fills_up_with_errors(registry, errors):
    pool = images(200)
    labels, wrong = labels_with_errors(pool, errors)
    certainty = victim().logits(pool).double().softmax(1).square().sum(1).tolist()
    order = sorted(range(200), key=lambda row: (row in wrong, -certainty[row]))
    chosen = choose(registry.create("augmenter", "most-certain"), pool, points=10, views=3, labels=labels)
    assert chosen.T.flatten().tolist() == order[:30]
