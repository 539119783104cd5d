"""`trajectories` walks into other classes, with steps that shrink before the boundary and grow behind it."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import fpframe
from fpframe import DataError
from fpframe_plugins.augmenters.trajectories import Trajectories
from plugins.augmenters.choosing import choose, images, victim


def wide(seed: int = 0) -> fpframe.Classifier:
    """A victim of 8x8 images with gradients that differ from place to place."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        layers = nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.Tanh(), nn.Linear(32, 6))
    return fpframe.Classifier(layers, num_classes=6, image_shape=(1, 8, 8)).eval().requires_grad_(False)


def pool(count: int = 60) -> torch.Tensor:
    return (torch.rand(count, 1, 8, 8, generator=torch.Generator().manual_seed(0)) * 255).round() / 255


@pytest.mark.parametrize("half", [1, 2, 4])
def test_a_leg_that_arrives_enters_its_class_with_the_last_step_before_the_middle(half):
    model, x = wide(), pool()
    targets = (model.logits(x).argmax(1) + 1) % 6
    path, arrived = Trajectories(half=half).leg(model, x, targets)
    assert path.shape == (60, 2 * half, 1, 8, 8)
    inside = torch.stack([model.logits(images).argmax(1) == targets for images in path.unbind(1)], dim=1)
    first = inside.float().argmax(1)
    assert torch.equal(arrived, inside.any(1) & (first == half - 1))
    assert float(arrived.float().mean()) > 0.5
    # behind the boundary it goes deeper
    assert bool(inside[arrived, half - 1 :].all())


def test_steps_of_a_leg_shrink_by_the_same_share_and_come_back_in_reverse_order():
    model, x = wide(), ((0.4 + 0.2 * pool()) * 255).round() / 255
    targets = (model.logits(x).argmax(1) + 1) % 6
    path, _ = Trajectories(half=3, decay=0.5, first_step=0.05).leg(model, x, targets)
    steps = torch.diff(torch.cat([x.unsqueeze(1), path], dim=1), dim=1).abs().flatten(2).amax(2) * 255
    # where nothing is cut off at black or white, and no step is held at one grey level
    free = ((path > 0) & (path < 1)).flatten(1).all(1) & (steps[:, 0] > 3.5)
    assert int(free.sum()) > 10
    steps = steps[free].round()
    assert torch.equal(steps, steps.flip(1))
    assert bool((steps[:, 0] > steps[:, 1]).all())
    assert torch.allclose(steps[:, 1] / steps[:, 0], torch.tensor(0.5), atol=0.17)


def test_a_trajectory_begins_with_an_image_of_the_pool_and_goes_on_where_a_leg_ended():
    model, images_ = wide(), pool()
    chosen = Trajectories(legs=2, half=1)(model, images_, torch.zeros(60).long(), points=12, views=3, seed=1)
    assert torch.equal(chosen, (chosen * 255).round() / 255)
    rows = {tuple(row.tolist()) for row in images_.flatten(1)}
    beginnings = [[tuple(row.tolist()) in rows for row in view.flatten(1)] for view in chosen]
    assert beginnings == [([True] + [False] * 4) * 2 + [True, False]] * 3
    starts = chosen[:, ::5].flatten(0, 1).flatten(1)
    assert len(starts.unique(dim=0)) == 9
    moved = (torch.diff(chosen, dim=1).flatten(2).abs() > 0).float().mean(2)
    assert float(moved.min()) > 0.5


def test_classes_of_a_trajectory_differ_from_one_another_and_from_the_first():
    model = wide()
    chosen = Trajectories(legs=5, half=1)(model, pool(), torch.zeros(60).long(), points=33, views=1, seed=0)
    labels = model.logits(chosen[0]).argmax(1).reshape(3, 11)
    assert all(set(row.tolist()) == set(range(6)) for row in labels)
    assert all(len(set(row[::2].tolist())) == 6 for row in labels)


def test_trajectories_go_into_all_other_classes_where_there_are_fewer_than_legs():
    chosen = choose(Trajectories(legs=9, half=1), images(50), points=7, views=1)
    assert chosen.shape == (1, 7, 1, 2, 2)
    assert len(set(victim().logits(chosen[0]).argmax(1).tolist())) > 1


def test_a_pool_with_fewer_images_than_trajectories_is_refused():
    with pytest.raises(DataError, match="need 12 images but the pool has 10"):
        choose(Trajectories(legs=1, half=1), images(10), points=8, views=4)
