"""`random`, `misclassified`, `low-margin`, `augment`: what they choose, against the choice spelt out by hand."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

import fpframe
from fpframe.interfaces.augmenter import Augmenter
from fpframe.models.classifier import state_digest
from fpframe.recipe.recipe import Recipe
from fpframe_plugins.augmenters.augment import Augment

SHAPE, CLASSES = (1, 2, 2), 4
NAMES = ["discriminative", "low-margin", "misclassified", "random"]


def victim(scale: float = 3.0) -> fpframe.Classifier:
    """A victim whose logits are its four pixels, times `scale`."""
    # its random weights would move the global random state
    layer = nn.utils.skip_init(nn.Linear, 4, CLASSES, bias=False)
    layer.weight.data = scale * torch.eye(4)
    return fpframe.Classifier(nn.Sequential(nn.Flatten(), layer), num_classes=CLASSES, image_shape=SHAPE)


def references() -> fpframe.References:
    """Three models much like the victim, and three that are not."""

    def model(seed: int, share: float) -> fpframe.Classifier:
        other = victim()
        noise = torch.randn(4, 4, generator=torch.Generator().manual_seed(seed))
        other.module[1].weight.data = 3 * torch.eye(4) + share * noise
        return other

    return fpframe.References(
        derived=tuple(model(seed, 0.3) for seed in range(3)),
        independent=tuple(model(seed, 2.0) for seed in range(3, 6)),
    )


def images(count: int, seed: int = 0) -> Tensor:
    return torch.rand(count, *SHAPE, generator=torch.Generator().manual_seed(seed))


def labels_with_errors(pool: Tensor, errors: int) -> tuple[Tensor, set[int]]:
    """Return labels under which the victim is wrong on so many images, and which these are."""
    labels = pool.flatten(1).argmax(1)
    wrong = torch.randperm(len(pool), generator=torch.Generator().manual_seed(1))[:errors]
    labels[wrong] = (labels[wrong] + 1) % CLASSES
    return labels, set(wrong.tolist())


def margin_by_hand(pool: Tensor, scale: float = 3.0) -> list[float]:
    ordered = [sorted(torch.softmax(scale * pixels, 0).tolist()) for pixels in pool.flatten(1).double()]
    return [row[-1] - row[-2] for row in ordered]


def choose(
    augmenter: Augmenter,
    pool: Tensor,
    *,
    points: int,
    views: int = 1,
    errors: int = 0,
    seed: int = 0,
    labels: Tensor | None = None,
    model: fpframe.Classifier | None = None,
) -> Tensor:
    """Choose for a victim that is wrong on so many images, or under the labels that are given."""
    labels = labels_with_errors(pool, errors)[0] if labels is None else labels
    return augmenter(model or victim(), pool, labels, points=points, views=views, references=references(), seed=seed)


@pytest.fixture(params=[*NAMES, "augment"])
def any_augmenter(request, registry) -> Augmenter:
    return registry.create("augmenter", request.param)


@pytest.fixture(params=NAMES)
def augmenter(request, registry) -> Augmenter:
    return registry.create("augmenter", request.param)


# --- what they have in common


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
    [("random", True), ("misclassified", True), ("low-margin", False), ("discriminative", False), ("augment", True)],
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


# --- random


def test_random_points_come_from_all_over_the_pool_with_the_same_chance(registry):
    augmenter, pool = registry.create("augmenter", "random"), images(20)
    counts = torch.zeros(20)
    for seed in range(400):
        counts[choose(augmenter, pool, points=5, seed=seed)[0]] += 1
    # each is drawn 100 times of 400; five standard deviations of sqrt(400 / 4 * 3 / 4)
    assert counts.sum() == 2000
    assert (counts - 100).abs().max() < 5 * 75**0.5


# --- low-margin


def test_low_margin_takes_the_smallest_margins_of_all_and_deals_them_out_in_turn(registry):
    pool = images(80)
    by_hand = margin_by_hand(pool)
    order = sorted(range(80), key=by_hand.__getitem__)
    chosen = choose(registry.create("augmenter", "low-margin"), pool, points=6, views=4)
    assert [view.tolist() for view in chosen] == [order[view:24:4] for view in range(4)]


def test_low_margin_tells_apart_images_of_which_the_victim_is_all_but_certain(registry):
    # in float32 all of these margins are 1
    first = torch.tensor([0.90, 0.80, 0.85, 0.95, 0.75])
    pool = torch.stack([first, *torch.zeros(3, 5)], dim=1).reshape(5, *SHAPE)
    chosen = choose(registry.create("augmenter", "low-margin"), pool, points=5, model=victim(scale=40.0))
    assert chosen[0].tolist() == [4, 1, 2, 0, 3]


def test_low_margin_takes_the_lower_index_of_equal_margins(registry):
    chosen = choose(registry.create("augmenter", "low-margin"), images(50), points=10, model=victim(scale=0.0))
    assert chosen[0].tolist() == list(range(10))


# --- misclassified


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


def test_all_but_misclassified_do_not_look_at_true_labels(registry):
    pool = images(100)
    for name in ("discriminative", "low-margin", "random"):
        augmenter = registry.create("augmenter", name)
        assert torch.equal(
            choose(augmenter, pool, points=9, views=2), choose(augmenter, pool, points=9, views=2, errors=60)
        )


# --- augment


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


# --- the schemes made of them


@pytest.mark.parametrize("scheme", ["akh", "sac"])
def test_a_scheme_of_natural_images_is_enrolled_saved_and_scores_as_by_hand(scheme, registry, tiny_store, tmp_path):
    tiny = Recipe.load("tiny")
    recipe = tiny
    run = fpframe.Run(store=tiny_store, registry=registry)
    fpframe.enroll(recipe=recipe, scheme=scheme, run=run).save(tmp_path / "enrolment")
    enrolment = fpframe.Enrolment.open(tmp_path / "enrolment", registry=registry)
    asked = enrolment.queries.images.flatten(0, 1)
    # pair = false: each point is asked once
    assert enrolment.queries.images.shape == (5, 20, 1, 8, 8)
    assert not enrolment.deltas[0].any()
    digits = registry.create("dataset", "digits").open("", root=None).train.images
    assert all((digits == image).flatten(1).all(1).any() for image in asked), "natural images, sent as they are"

    suspect, ours = enrolment.calibration.answers[""][3], enrolment.victim_answers
    for channel in ("probs", "top1"):
        expected = []
        for mine, theirs in zip(ours, suspect, strict=True):
            if scheme == "akh":
                expected.append(sum(int(a.argmax() == b.argmax()) for a, b in zip(mine, theirs, strict=True)) / 20)
                continue
            rows = [torch.eye(10)[v.argmax(1)] if channel == "top1" else v for v in (mine, theirs)]
            cosine = torch.nn.functional.cosine_similarity
            above = [(i, j) for i in range(20) for j in range(i + 1, 20)]
            one, other = (torch.stack([cosine(v[i], v[j], dim=0) for i, j in above]) for v in rows)
            expected.append(float(one @ other / (one.norm() * other.norm())))
        assert enrolment.view_scores(suspect, channel).tolist() == pytest.approx(expected, abs=1e-5)
