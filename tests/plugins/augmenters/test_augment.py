"""`augment` makes its views of the same points: crops, flips and noise."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

import fpframe
from fpframe_plugins.augmenters.augment import Augment
from plugins.augmenters.choosing import CLASSES


def photographs(count: int, channels: int = 1) -> Tensor:
    """Images of 12 x 12 pixels with one bright half, on the 8-bit grid."""
    chance = torch.rand(count, channels, 12, 12, generator=torch.Generator().manual_seed(2))
    return ((0.3 * chance + 0.6 * (torch.arange(12) < 6)) * 255).round() / 255


def augmented(pool: Tensor, *, points: int = 8, views: int = 4, seed: int = 0, **params: float) -> Tensor:
    model = fpframe.Classifier(
        nn.Sequential(nn.Flatten(), nn.Linear(pool[0].numel(), CLASSES)),
        num_classes=CLASSES,
        image_shape=tuple(pool.shape[1:]),
    )
    labels = torch.zeros(len(pool), dtype=torch.long)
    return Augment(**params)(model, pool, labels, points=points, views=views, seed=seed)


def correlation(one: Tensor, other: Tensor) -> float:
    return float(torch.corrcoef(torch.stack([one.flatten(), other.flatten()]))[0, 1])


@pytest.mark.parametrize("channels", [1, 3])
def test_the_first_view_of_augment_is_images_of_the_pool_and_the_others_are_made_of_the_same_points(channels):
    pool = photographs(30, channels)
    made = augmented(pool)
    assert made.shape == (4, 8, channels, 12, 12)
    drawn = [int((pool == point).flatten(1).all(1).nonzero()) for point in made[0]]
    assert len(set(drawn)) == 8
    assert len(made.flatten(0, 1).unique(dim=0)) == 32, "no image occurs twice"
    assert 0 <= float(made.min()) < float(made.max()) <= 1
    for view in made[1:]:
        for point, moved in zip(made[0], view, strict=True):
            assert correlation(point, moved) > 0.5


def test_augment_asks_more_views_than_the_pool_has_images():
    assert augmented(photographs(8), points=8, views=10).shape[:2] == (10, 8)


def test_augment_crops_each_image_by_itself_and_keeps_its_brightness():
    made = augmented(photographs(30), crop=0.5, noise=0.0)
    edges = (made[1:].mean((2, 3)) > 0.45).sum(-1).flatten()
    assert len(edges.unique()) > 3, "the bright half ends at another column"
    assert torch.allclose(made[1:].amax((2, 3, 4)), made[0].amax((1, 2, 3)), atol=0.1)


def test_augment_flips_only_where_it_is_asked_to():
    pool = photographs(30)
    never, always = (augmented(pool, crop=1.0, noise=0.0, flip=chance) for chance in (0.0, 1.0))
    assert torch.allclose(never[1:], never[:1].expand_as(never[1:]))
    assert torch.allclose(always[1:], always[:1].flip(-1).expand_as(always[1:]))
    # the default takes no digit for another one
    assert all(float(view[..., :4].mean()) > float(view[..., 8:].mean()) for view in augmented(pool)[1:].flatten(0, 1))


def test_augment_adds_noise_of_the_strength_it_is_given():
    made = augmented(photographs(30), crop=1.0, noise=0.05)
    difference = made[1:] - made[:1]
    inside = (made[0] > 0.2) & (made[0] < 0.8)
    assert float(difference[:, inside].std()) == pytest.approx(0.05, rel=0.1)
    assert abs(float(difference[:, inside].mean())) < 0.005
    assert correlation(difference[0], difference[1]) < 0.2


@pytest.mark.parametrize("params", [{"crop": 0.0}, {"crop": 1.5}, {"flip": 1.5}, {"noise": -0.1}])
def test_augment_refuses_a_hyper_parameter_out_of_range_by_name(params):
    with pytest.raises(fpframe.ParameterError, match=f"'{next(iter(params))}' of 'augment'"):
        Augment(**params)
