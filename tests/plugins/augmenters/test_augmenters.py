"""What the augmenters keep to: no image twice, the same seed the same points, everything left as found."""

from __future__ import annotations

import math

import pytest
import torch
from scipy.optimize import brentq
from torch import Tensor

import fpframe
from fpframe.interfaces.augmenter import Augmenter
from fpframe.models.classifier import state_digest
from fpframe.recipe.recipe import Recipe
from plugins.augmenters.choosing import choose, images, labels_with_errors, references, victim

NAMES = ["discriminative", "low-margin", "misclassified", "most-certain", "random"]


@pytest.fixture(params=[*NAMES, "augment", "blind-walks", "meta-trained", "trajectories"])
def any_augmenter(request, registry) -> Augmenter:
    return registry.create("augmenter", request.param)


@pytest.fixture(params=NAMES)
def augmenter(request, registry) -> Augmenter:
    return registry.create("augmenter", request.param)


def test_no_image_is_asked_twice_in_any_view(augmenter):
    chosen = choose(augmenter, images(100), points=12, views=5, errors=20)
    assert chosen.shape == (5, 12)
    assert len(chosen.unique()) == 60
    assert not chosen.is_floating_point()


def test_a_pool_that_is_just_large_enough_is_used_up(augmenter):
    chosen = choose(augmenter, images(60), points=12, views=5, errors=7)
    assert sorted(chosen.flatten().tolist()) == list(range(60))


def test_a_pool_too_small_for_views_without_a_common_image_is_refused_with_both_numbers(augmenter):
    with pytest.raises(fpframe.DataError, match=r"12 query points in each of 5 views .* need 60 .* has 59; lower"):
        choose(augmenter, images(59), points=12, views=5, errors=7)


def test_the_same_seed_gives_the_same_points(any_augmenter):
    pool = images(200)
    first, again = (choose(any_augmenter, pool, points=10, views=3, errors=90, seed=4) for _ in range(2))
    assert torch.equal(first, again)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("random", True),
        ("misclassified", True),
        ("low-margin", False),
        ("discriminative", False),
        ("augment", True),
        ("trajectories", True),
        ("blind-walks", True),
        ("meta-trained", True),
    ],
)
def test_another_seed_gives_other_points_where_points_are_drawn(registry, name, expected):
    pool, augmenter = images(200), registry.create("augmenter", name)
    one, other = (choose(augmenter, pool, points=10, views=3, errors=90, seed=seed) for seed in (4, 5))
    assert (not torch.equal(one, other)) is expected


def test_model_pool_labels_and_global_random_state_are_left_as_found(any_augmenter):
    model, pool = victim(), images(100)
    labels, _ = labels_with_errors(pool, 30)
    model.train()
    before, state = (state_digest(model), pool.clone(), labels.clone()), torch.get_rng_state()
    choose(any_augmenter, pool, points=10, views=2, model=model, labels=labels)
    assert model.training
    assert state_digest(model) == before[0]
    assert torch.equal(pool, before[1])
    assert torch.equal(labels, before[2])
    assert torch.equal(torch.get_rng_state(), state)


def test_the_global_random_state_decides_nothing(any_augmenter):
    def choice(outside: int) -> Tensor:
        torch.manual_seed(outside)
        # past the caller, who seeds the global state
        given = {"points": 10, "views": 2, "references": references(), "seed": 3}
        return any_augmenter.choose(victim(), pool, labels_with_errors(pool, 50)[0], **given)

    pool = images(100)
    with torch.random.fork_rng(devices=[]):
        assert torch.equal(choice(0), choice(1))


def test_all_but_misclassified_and_most_certain_do_not_look_at_true_labels(registry):
    pool = images(100)
    for name in ("discriminative", "low-margin", "random"):
        augmenter = registry.create("augmenter", name)
        assert torch.equal(
            choose(augmenter, pool, points=9, views=2), choose(augmenter, pool, points=9, views=2, errors=60)
        )


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["akh", "sac"])
def test_a_scheme_of_natural_images_is_enrolled_saved_and_scores_as_by_hand(scheme, registry, tiny_store, tmp_path):
    tiny = Recipe.load("tiny")
    run = fpframe.Run(store=tiny_store, registry=registry)
    fpframe.enroll(recipe=tiny, scheme=scheme, run=run).save(tmp_path / "enrolment")
    enrolment = fpframe.Enrolment.open(tmp_path / "enrolment", registry=registry)
    asked = enrolment.queries.images.flatten(0, 1)
    # pair = false: each point is asked once
    assert enrolment.queries.images.shape == (5, 20, 1, 8, 8)
    assert not enrolment.deltas[0].any()
    digits = registry.create("dataset", "digits").open("", root=None).train.images
    assert all((digits == image).flatten(1).all(1).any() for image in asked), "natural images, sent as they are"

    suspect, ours = enrolment.calibration.answers[""][3], enrolment.victim_answers
    by_hand = {"akh": _matches, "sac": _correlation}[scheme]
    labels = [by_hand(*(torch.eye(10)[v.argmax(1)] for v in pair)) for pair in zip(ours, suspect, strict=True)]
    assert enrolment.view_scores(suspect, "top1").tolist() == pytest.approx(labels, abs=1e-5)
    whole = [by_hand(mine, _as_sharp(theirs, mine)) for mine, theirs in zip(ours, suspect, strict=True)]
    expected = [max(*pair) for pair in zip(whole, _on_scale_of_probs(labels, enrolment), strict=True)]
    assert enrolment.view_scores(suspect, "probs").tolist() == pytest.approx(expected, abs=1e-5)


def _matches(ours: Tensor, theirs: Tensor) -> float:
    return sum(int(a.argmax() == b.argmax()) for a, b in zip(ours, theirs, strict=True)) / len(ours)


def _correlation(ours: Tensor, theirs: Tensor) -> float:
    cosine = torch.nn.functional.cosine_similarity
    above = [(i, j) for i in range(len(ours)) for j in range(i + 1, len(ours))]
    one, other = (torch.stack([cosine(v[i], v[j], dim=0) for i, j in above]) for v in (ours, theirs))
    return float(one @ other / (one.norm() * other.norm()))


def _as_sharp(theirs: Tensor, ours: Tensor) -> Tensor:
    """Return answers ``(Q, K)`` at the power at which their mean highest probability is that of the victim's."""

    def raised(power: float) -> Tensor:
        powers = (theirs.double() / theirs.double().amax(1, keepdim=True)) ** power
        return powers / powers.sum(1, keepdim=True)

    mean = float(ours.double().amax(1).mean())
    return raised(brentq(lambda power: float(raised(power).amax(1).mean()) - mean, 1e-3, 1e3)).float()


def _on_scale_of_probs(labels: list[float], enrolment: fpframe.Enrolment) -> list[float]:
    """Return scores of labels brought to the scale of probabilities: as many deviations above independent models."""
    source, target = enrolment.standard("top1"), enrolment.standard("probs")
    above = [(math.atanh(score) - source.means[0]) / source.deviations[0] for score in labels]
    return [math.tanh(target.means[0] + target.deviations[0] * each) for each in above]
