"""The score of a model is the mean of its views, in whatever order they stand."""

from itertools import permutations

import numpy as np

from fpframe.decision import mean_of_views


def test_models_with_the_same_view_scores_in_another_order_tie_exactly():
    views = [0.1, 0.2, 0.3, 0.7, 1.1]
    assert len({float(np.mean(order)) for order in permutations(views)}) > 1  # the plain mean would tell them apart
    assert len({mean_of_views(order) for order in permutations(views)}) == 1
