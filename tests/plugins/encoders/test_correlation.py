"""`correlation` compares how a model's answers resemble each other, in bounded memory."""

from __future__ import annotations

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from fpframe.models.channel import through_channel
from fpframe_plugins.encoders.correlation import upper_triangle
from plugins.encoders.answers import CLASSES, cosines, embedding, some_answers


@pytest.mark.parametrize("channel", ["probs", "rounded:1", "top1"])
def test_correlation_embeds_the_cosines_of_all_pairs_of_answers(registry, channel):
    answers = through_channel(some_answers(queries=7), channel)
    for view, found in zip(answers, embedding(registry.create("encoder", "correlation"), answers), strict=True):
        by_hand = torch.tensor(
            [float(view[i] @ view[j] / (view[i].norm() * view[j].norm())) for j in range(7) for i in range(j)]
        )
        assert torch.allclose(found, torch.cat([by_hand / by_hand.norm(), torch.zeros(1)]), atol=1e-6)


def test_correlation_does_not_see_which_class_is_which_and_the_others_do(registry):
    answers = some_answers(classes=5)
    renamed = answers.roll(2, dims=2)
    assert cosines(registry.create("encoder", "correlation"), answers, renamed) == pytest.approx([1.0] * 3)
    assert max(cosines(registry.create("encoder", "labels"), answers, renamed)) == 0
    assert max(cosines(registry.create("encoder", "identity"), answers, renamed)) < 0.5


@pytest.mark.parametrize("queries", [1, 2, 3, 30])
def test_the_upper_triangle_has_every_pair_once(queries):
    pairs = [tuple(pair) for pair in upper_triangle(queries, 10_000).T.tolist()]
    assert sorted(pairs) == [(i, j) for i in range(queries) for j in range(i + 1, queries)]


def test_of_many_pairs_a_fixed_part_is_compared_that_holds_every_query():
    pairs = upper_triangle(2000, 20_000)
    assert pairs.shape == (2, 20_000)
    assert len({tuple(pair) for pair in pairs.T.tolist()}) == 20_000
    assert (pairs[0] < pairs[1]).all()
    assert pairs.min() >= 0
    assert pairs.max() < 2000
    assert len(pairs.unique()) == 2000
    assert torch.equal(pairs, upper_triangle(2000, 20_000))


def test_a_loaded_correlation_compares_the_pairs_that_were_stored(registry):
    encoder, answers = registry.create("encoder", "correlation", pairs=5), some_answers()
    stored = encoder.module(12, CLASSES)
    stored.pairs.copy_(torch.tensor([[0, 0, 0, 0, 0], [1, 2, 3, 4, 5]]))
    loaded = encoder.module(12, CLASSES)
    assert not torch.equal(loaded(answers), stored(answers))
    loaded.load_state_dict(stored.state_dict())
    assert torch.equal(loaded(answers), stored(answers))
    assert loaded(answers).shape == (3, 6)


class Largest(TorchDispatchMode):
    """Note the size of the largest tensor that is made, in bytes."""

    size = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        made = func(*args, **(kwargs or {}))
        if isinstance(made, torch.Tensor):
            self.size = max(self.size, made.numel() * made.element_size())
        return made


def test_two_thousand_queries_are_embedded_with_one_matrix_in_memory_at_a_time(registry):
    answers = some_answers(views=10, queries=2000, classes=10)
    module = registry.create("encoder", "correlation").module(2000, 10)
    with Largest() as largest:
        found = module(answers)
    assert found.shape == (10, 20_001)
    assert largest.size == 4 * 2000**2, "float32"


def test_correlation_refuses_no_pairs(registry):
    with pytest.raises(ValueError, match="'pairs' of 'correlation' must be"):
        registry.create("encoder", "correlation", pairs=0)
