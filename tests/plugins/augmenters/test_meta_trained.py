"""`meta-trained` moves images to where a verifier tells derived from independent models."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

import fpframe
from fpframe import DataError
from fpframe_plugins.augmenters.meta_trained import MetaTrained
from plugins.augmenters.choosing import choose, images, references, victim


def wide(seed: int, near: nn.Module | None = None) -> fpframe.Classifier:
    """A model of 8x8 images, or one whose weights are near those of another."""
    source = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        layers = nn.Sequential(nn.Flatten(), nn.Linear(64, 16), nn.Tanh(), nn.Linear(16, 6))
    layers[3].weight.data *= 4
    for layer in (1, 3):
        drawn = torch.randn(layers[layer].weight.shape, generator=source) * layers[layer].weight.data.std()
        layers[layer].weight.data = drawn if near is None else near.module[layer].weight.data + 0.3 * drawn
    return fpframe.Classifier(layers, num_classes=6, image_shape=(1, 8, 8)).eval().requires_grad_(False)


def separation(x: Tensor, ours: fpframe.Classifier, derived: list, independent: list) -> float:
    """By how many deviations the distance of answers to the victim's is larger for independent models."""
    distances = [
        torch.tensor([float((each.logits(x).softmax(1) - ours.logits(x).softmax(1)).square().sum()) for each in models])
        for models in (derived, independent)
    ]
    return float((distances[1].mean() - distances[0].mean()) / torch.cat([d - d.mean() for d in distances]).std())


def test_trained_images_tell_models_apart_that_they_were_not_trained_on():
    ours = wide(0)
    derived, independent = [wide(seed, ours) for seed in range(1, 17)], [wide(seed) for seed in range(17, 33)]
    before = torch.rand(8, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    after = MetaTrained(steps=150, noise=0.02).train(before, ours, derived[:8], independent[:8], seed=0)
    assert float((after - before).abs().mean()) > 0.05
    unseen = derived[8:], independent[8:]
    assert separation(after, ours, *unseen) > separation(before, ours, *unseen)


def test_points_are_new_8_bit_images_and_each_view_begins_with_others():
    pool = images(40)
    chosen = choose(MetaTrained(steps=3), pool, points=5, views=3)
    assert chosen.shape == (3, 5, 1, 2, 2)
    assert torch.equal(chosen, (chosen * 255).round() / 255)
    assert len(chosen.flatten(0, 1).flatten(1).unique(dim=0)) == 15
    # three steps of Adam move a pixel by three hundredths, and rounding by half a grey level
    gaps = (chosen.flatten(0, 1)[:, None] - pool[None]).abs().flatten(2).amax(2).amin(1)
    assert float(gaps.max()) <= 0.03 + 0.5 / 255 + 1e-6
    assert float(gaps.max()) > 0.01


def test_a_model_that_ignores_its_images_leaves_all_points_where_they_began():
    def deaf() -> fpframe.Classifier:
        model = victim()
        model.module[1].weight.data.zero_()
        return model

    pool = (images(20) * 255).round() / 255
    same = fpframe.References(derived=(deaf(),), independent=(deaf(),))
    chosen = MetaTrained(steps=5)(deaf(), pool, torch.zeros(20).long(), points=4, views=1, references=same, seed=0)
    assert all((pool == image).flatten(1).all(1).any() for image in chosen[0])


@pytest.mark.parametrize("missing", ["derived", "independent"])
def test_without_models_of_either_kind_the_message_says_which(missing):
    all_of_them = references()
    some = fpframe.References(
        derived=() if missing == "derived" else all_of_them.derived,
        independent=() if missing == "independent" else all_of_them.independent,
    )
    pool = images(20)
    with pytest.raises(DataError, match=f"'meta-trained' learns from .* there is no {missing} model in the fit split"):
        MetaTrained()(victim(), pool, torch.zeros(20).long(), points=4, views=1, references=some, seed=0)


def test_a_pool_too_small_for_views_without_a_common_image_is_refused_with_both_numbers():
    with pytest.raises(DataError, match=r"need 12 images but the pool has 10"):
        choose(MetaTrained(steps=1), images(10), points=4, views=3)
