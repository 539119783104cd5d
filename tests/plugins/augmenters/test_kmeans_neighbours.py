"""`kmeans-neighbours`: query points and views, on synthetic pools whose geometry is known."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

import fpframe
from fpframe.models.classifier import state_digest
from fpframe_plugins.augmenters.kmeans_neighbours import KmeansNeighbours, nearest_distinct, squared_distances

SHAPE = (1, 2, 2)


def flat(scale: float = 1.0) -> fpframe.Classifier:
    """A victim whose logits are its four pixels, times `scale`."""
    layer = nn.Linear(4, 4, bias=False)
    layer.weight.data = scale * torch.eye(4)
    return fpframe.Classifier(nn.Sequential(nn.Flatten(), layer), num_classes=4, image_shape=SHAPE)


def pool_of(rows: Tensor) -> Tensor:
    return rows.reshape(-1, *SHAPE)


def noise(count: int, seed: int = 0) -> Tensor:
    return torch.rand(count, *SHAPE, generator=torch.Generator().manual_seed(seed))


def choose(
    pool: Tensor, *, points: int, views: int = 1, model: fpframe.Classifier | None = None, seed: int = 0, **params: str
) -> Tensor:
    labels = torch.zeros(len(pool), dtype=torch.long)
    return KmeansNeighbours(**params)(model or flat(), pool, labels, points=points, views=views, seed=seed)


def outputs(model: fpframe.Classifier, pool: Tensor) -> Tensor:
    return model.logits(pool).double().softmax(1)


def blobs() -> Tensor:
    """Four tight blobs of ten images, one per class; the first image of each blob is its exact middle."""
    noises = 0.01 * torch.randn(4, 10, 4, generator=torch.Generator().manual_seed(0))
    noises[:, 0] = 0
    noises[:, 1:] -= noises[:, 1:].mean(1, keepdim=True)
    return pool_of((0.1 + 0.8 * torch.eye(4).unsqueeze(1) + noises).reshape(40, 4))


def test_each_cluster_gives_the_image_nearest_to_its_centre():
    [chosen] = choose(blobs(), points=4, space="logits")
    assert sorted(chosen.tolist()) == [0, 10, 20, 30]


def test_views_are_the_neighbours_of_the_query_points_in_order_of_distance():
    pool = blobs()
    chosen = choose(pool, points=4, views=10)
    rows = outputs(flat(), pool)
    for point in chosen.T:
        blob = int(point[0]) // 10
        distances = (rows[point] - rows[point[0]]).norm(dim=1)
        assert set(point.tolist()) == set(range(10 * blob, 10 * blob + 10))
        assert distances.tolist() == sorted(distances.tolist())


def test_the_space_of_the_outputs_decides_what_is_near():
    # logits spread over 0 to 10, so that softmax is flat where one class is certain
    pool, model = noise(400), flat(scale=10.0)
    assert not torch.equal(
        choose(pool, points=20, model=model, space="probs"), choose(pool, points=20, model=model, space="logits")
    )


@pytest.mark.parametrize("views", [1, 5])
def test_no_view_has_an_image_twice_and_later_views_hold_no_query_point(views):
    chosen = choose(noise(300), points=40, views=views)
    assert chosen.shape == (views, 40)
    assert all(len(view.unique()) == 40 for view in chosen)
    assert not set(chosen[0].tolist()) & set(chosen[1:].flatten().tolist())
    assert all(len(point.unique()) == views for point in chosen.T)


def test_the_first_of_two_points_keeps_a_neighbour_that_both_are_nearest_to():
    # on a line: query points at 0 and 1, an image between them that is nearest to both, and one far off on each side
    line = torch.tensor([0.0, 1.0, 0.5, -3.0, 3.0])
    rows = torch.stack([line, -line, torch.zeros(5), torch.zeros(5)], dim=1)
    distances = squared_distances(rows[:2].double().numpy(), rows.double().numpy())
    reluctance = torch.zeros(2, 5, dtype=torch.int8)
    reluctance[:, :2] = 1
    assert nearest_distinct(distances, reluctance.numpy()).tolist() == [2, 4]


def test_the_same_seed_gives_the_same_points_and_another_seed_others():
    pool = noise(500)
    assert torch.equal(choose(pool, points=50, views=3, seed=1), choose(pool, points=50, views=3, seed=1))
    assert not torch.equal(choose(pool, points=50, views=3, seed=1), choose(pool, points=50, views=3, seed=2))


def test_the_number_of_threads_does_not_matter():
    pool, before = noise(2000), torch.get_num_threads()
    one = choose(pool, points=50, views=2)
    torch.set_num_threads(2)
    try:
        two = choose(pool, points=50, views=2)
    finally:
        torch.set_num_threads(before)
    assert torch.equal(one, two)


def test_a_constant_victim_still_gives_distinct_points_and_the_same_ones_each_time():
    model = flat(scale=0.0)
    chosen = choose(noise(60), points=20, views=3, model=model)
    assert all(len(view.unique()) == 20 for view in chosen)
    assert torch.equal(chosen, choose(noise(60), points=20, views=3, model=model))


@pytest.mark.parametrize("jitter", [0.0, 1e-7])
def test_outputs_with_fewer_distinct_rows_than_points_still_give_distinct_points(jitter):
    rows = noise(3).reshape(3, 4).repeat(20, 1)
    rows = rows + jitter * noise(60, seed=1).reshape(60, 4)
    chosen = choose(pool_of(rows), points=30, views=2)
    assert all(len(view.unique()) == 30 for view in chosen)
    # each of the three distinct answers is asked
    assert {int(index) % 3 for index in chosen[0]} == {0, 1, 2}


def test_a_pool_that_is_just_large_enough_is_used_up_in_every_view():
    chosen = choose(noise(12), points=12, views=4)
    assert [sorted(view.tolist()) for view in chosen] == [list(range(12))] * 4


def test_a_pool_smaller_than_the_points_is_refused_with_the_remedy():
    with pytest.raises(fpframe.DataError, match="13 query points are wanted but the pool has 12 images"):
        choose(noise(12), points=13)


def test_model_pool_and_global_random_state_are_left_as_found():
    model, pool = flat(), noise(100)
    model.train()
    weights, before, state = state_digest(model), pool.clone(), torch.get_rng_state()
    choose(pool, points=10, views=2, model=model)
    assert model.training
    assert all(weight.requires_grad for weight in model.parameters())
    assert state_digest(model) == weights
    assert torch.equal(pool, before)
    assert torch.equal(torch.get_rng_state(), state)


def test_an_unknown_space_is_refused_with_the_known_ones():
    with pytest.raises(fpframe.ParameterError, match="'space' of 'kmeans-neighbours' must be one of probs, logits"):
        KmeansNeighbours(space="labels")
