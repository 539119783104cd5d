"""`discriminative`: the points at which reference models tell thieves from innocents, against the search by hand."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

import fpframe
from fpframe_plugins.augmenters.discriminative import allegiance, most_telling

POOL, CLASSES = 60, 3


class Table(nn.Module):
    """Logits by the number of the image, which its single pixel shows in steps of 1/255."""

    def __init__(self, logits: Tensor) -> None:
        super().__init__()
        self.register_buffer("logits", logits)
        self.asked: list[int] = []

    def forward(self, pixels: Tensor) -> Tensor:
        numbers = (pixels.flatten() * 255).round().long()
        self.asked += numbers.tolist()
        return self.logits[numbers]


def model(logits: Tensor) -> fpframe.Classifier:
    return fpframe.Classifier(Table(logits), num_classes=CLASSES, image_shape=(1, 1, 1))


def pool(count: int = POOL) -> Tensor:
    return (torch.arange(count) / 255).reshape(-1, 1, 1, 1)


def votes(labels: Tensor, sure: float = 2.0) -> Tensor:
    """Return logits ``(P, K)`` for labels ``(P,)``."""
    return sure * torch.nn.functional.one_hot(labels, CLASSES).float()


def world(telling: list[int], hard: list[int]) -> tuple[fpframe.Classifier, fpframe.References]:
    """The victim says 0; so do thieves on `telling` images, where innocents say 1, and nobody on `hard` ones."""
    labels = torch.zeros(POOL, dtype=torch.long)
    theft, innocence = labels.clone(), labels.clone()
    theft[hard], innocence[hard], innocence[telling] = 2, 2, 1

    def like(base: Tensor, seed: int) -> fpframe.Classifier:
        return model(votes(base) + 0.6 * torch.randn(POOL, CLASSES, generator=torch.Generator().manual_seed(seed)))

    derived, independent = (
        tuple(like(theft, seed) for seed in range(15)),
        tuple(like(innocence, seed + 15) for seed in range(15)),
    )
    return model(votes(labels)), fpframe.References(derived=derived, independent=independent)


@pytest.fixture
def augmenter(registry) -> fpframe.Augmenter:
    return registry.create("augmenter", "discriminative")


def choose(augmenter, victim, references, *, points, views=1, images=None):
    images = pool() if images is None else images
    labels = torch.zeros(len(images), dtype=torch.long)
    return augmenter(victim, images, labels, points=points, views=views, references=references, seed=0)


def test_it_asks_where_thieves_follow_the_victim_and_innocents_do_not_and_not_where_nobody_does(augmenter):
    telling = [3, 14, 15, 26, 47, 59]
    chosen = choose(augmenter, *world(telling, hard=[1, 2, 30, 40, 41, 58]), points=6)
    assert sorted(chosen[0].tolist()) == telling


def test_every_view_gets_its_share_of_the_points_that_tell(augmenter):
    telling = [3, 14, 15, 26, 47, 59]
    chosen = choose(augmenter, *world(telling, hard=[1, 2]), points=10, views=3)
    assert [len(set(telling) & set(view.tolist())) for view in chosen] == [2, 2, 2]


def test_images_at_which_innocents_follow_more_come_last(augmenter):
    victim, references = world(telling=list(range(20)), hard=[])
    swapped = fpframe.References(derived=references.independent, independent=references.derived)
    assert set(choose(augmenter, victim, swapped, points=40)[0].tolist()) == set(range(20, 60))


def test_only_candidates_of_the_lowest_margin_are_asked_of_the_references_once(registry):
    victim, references = world(telling=[3, 50], hard=[])
    unsure = [3, 7, 9, 20, 33, 41]
    victim.module.logits[unsure] /= 4
    augmenter = registry.create("augmenter", "discriminative", candidates=6)
    chosen = choose(augmenter, victim, references, points=3)
    assert chosen[0, 0] == 3
    assert set(chosen[0].tolist()) <= set(unsure)
    for reference in (*references.derived, *references.independent):
        assert sorted(reference.module.asked) == unsure


def test_as_many_candidates_are_considered_as_points_are_asked(registry):
    augmenter = registry.create("augmenter", "discriminative", candidates=1)
    chosen = choose(augmenter, *world(telling=[3, 50], hard=[]), points=20, views=3)
    assert sorted(chosen.flatten().tolist()) == list(range(60))


@pytest.mark.parametrize("missing", ["all", "derived", "independent"])
def test_without_references_of_a_kind_it_says_what_the_recipe_lacks(augmenter, missing):
    victim, full = world(telling=[3], hard=[])
    some = {
        "all": None,
        "derived": fpframe.References(independent=full.independent),
        "independent": fpframe.References(derived=full.derived),
    }
    with pytest.raises(
        fpframe.DataError, match=r"has none of one kind; give the recipe 'fit' models under \[\[derived\]\]"
    ):
        choose(augmenter, victim, some[missing], points=5)


def test_allegiance_is_the_agreement_and_half_the_floored_log_odds_by_hand():
    answers = torch.tensor([[[0.6, 0.3, 0.1], [0.02, 0.97, 0.01], [0.0, 0.05, 0.95]]])
    log = torch.log(torch.tensor([0.6 / 0.3, 0.97 / 0.1, 0.1 / 0.95]))
    found = allegiance(answers, torch.tensor([0, 1, 0]))
    assert torch.allclose(found, torch.stack([1 + log[0] / 2, 1 + log[1] / 2, log[2] / 2]).unsqueeze(0))


def search_by_hand(derived: Tensor, independent: Tensor, count: int, ridge: float) -> list[int]:
    """Forward selection that inverts the covariance of every set of columns anew."""
    within = torch.cat([derived - derived.mean(0), independent - independent.mean(0)])
    variance = (within**2).mean(0)
    spread = (0.9 * variance + 0.1 * variance.mean()).sqrt()
    difference = (derived.mean(0) - independent.mean(0)) / spread
    covariance = (within / spread).T @ (within / spread) / len(within)

    def separation(columns: list[int]) -> float:
        inside = covariance[columns][:, columns] + ridge * torch.eye(len(columns), dtype=torch.double)
        return float(difference[columns] @ torch.linalg.solve(inside, difference[columns]))

    chosen: list[int] = []
    for _ in range(count):
        chosen.append(max(set(range(len(difference))) - set(chosen), key=lambda column: separation([*chosen, column])))
    return chosen


@pytest.mark.parametrize("ridge", [0.3, 1.0, 10.0])
def test_the_points_are_those_of_a_plain_forward_search(ridge):
    source = torch.Generator().manual_seed(1)
    common = torch.randn(20, 2, generator=source).double() @ torch.randn(2, 30, generator=source).double()
    rows = common + torch.randn(20, 30, generator=source).double()
    # so far apart that what is left of a difference never changes its sign
    derived, independent = rows[:8] + 3 + torch.rand(30, generator=source).double(), rows[8:]
    found = most_telling(derived, independent, count=12, ridge=ridge)
    assert found.tolist() == search_by_hand(derived, independent, 12, ridge)


def test_a_column_that_repeats_another_one_comes_after_a_weaker_one_that_does_not():
    source = torch.Generator().manual_seed(0)
    first, other = torch.randn(2, 40, generator=source)
    strength = torch.cat([torch.ones(20), torch.zeros(20)])
    table = torch.stack([first + 3 * strength, first + 2.9 * strength, other + 2 * strength], dim=1)
    assert most_telling(table[:20], table[20:], count=3, ridge=0.1).tolist() == [0, 2, 1]


def test_constant_references_still_give_every_column_once():
    order = most_telling(torch.ones(2, 7), torch.zeros(3, 7), count=7, ridge=1.0)
    assert sorted(order.tolist()) == list(range(7))


@pytest.mark.parametrize(("name", "value"), [("candidates", 0), ("ridge", 0.0)])
def test_a_bad_parameter_is_named(registry, name, value):
    with pytest.raises(ValueError, match=f"'{name}' of 'discriminative' must be"):
        registry.create("augmenter", "discriminative", **{name: value})
