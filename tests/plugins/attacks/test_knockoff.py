"""`knockoff` learns from images of other kinds."""

from __future__ import annotations

import copy

import attrs
import pytest
import torch

from fpframe import Images, UsageError
from plugins.attacks.thieves_of_answers import BRIEFLY, CONTEXT, Watched, agreement, without_labels


@pytest.mark.parametrize("labels", ["soft", "top1"])
def test_an_adaptive_knockoff_asks_more_about_informative_classes(make, loot, blackbox, student, labels):
    junk = torch.arange(5).repeat_interleave(len(loot) // 5)
    # shades dark enough to have one answer
    grey = (8 * junk[:, None, None, None]).expand(-1, 1, 8, 8).to(torch.uint8)
    pool = Images(torch.cat([loot.images, grey]), torch.cat([loot.labels % 5, 5 + junk]))
    context = attrs.evolve(BRIEFLY, pools={"half:junk": pool})
    shares = {}
    for attack in ("knockoff", "knockoff-adaptive"):
        informative = []
        for seed in range(3):
            teacher = Watched(blackbox)
            thief = make(attack, labels=labels, pool="half:junk", budget=300)
            thief.simulate(copy.deepcopy(student), teacher, loot, context=context, seed=seed)
            flat = torch.cat(teacher.asked).flatten(1)
            informative.append(float((flat.std(1) > 0).float().mean()))
        shares[attack] = informative
    assert max(shares["knockoff"]) < 0.55
    assert min(shares["knockoff-adaptive"]) > 0.62


def strokes(count):
    """Return images of random strokes, whose labels have nothing to do with digits."""
    source = torch.Generator().manual_seed(0)
    ends = 7 * torch.rand(count, 4, 2, 2, generator=source)
    points = ends[:, :, :1] + torch.linspace(0, 1, 12)[:, None] * (ends[:, :, 1:] - ends[:, :, :1])
    grid = torch.cartesian_prod(torch.arange(8.0), torch.arange(8.0))
    nearest = torch.cdist(points.flatten(1, 2), grid.expand(count, -1, -1)).amin(1)
    pixels = (1.3 - nearest).clamp(0, 1).reshape(count, 1, 8, 8)
    return Images((255 * pixels).to(torch.uint8), torch.arange(count) % 3)


@pytest.mark.parametrize("attack", ["knockoff", "knockoff-adaptive"])
def test_a_knockoff_learns_from_a_foreign_pool(make, digits, loot, blackbox, student, attack):
    thief = make(attack, pool="strokes", budget=2000)
    assert thief.pools == ("strokes",)
    context = attrs.evolve(CONTEXT, pools={"strokes": strokes(2500)})
    teacher = blackbox.as_query()
    copied = thief.simulate(student, teacher, without_labels(loot), context=context, seed=0)
    assert teacher.spent == 2000
    assert agreement(copied, blackbox, digits.test.pixels) > 0.6


@pytest.mark.parametrize("attack", ["knockoff", "knockoff-adaptive"])
@pytest.mark.parametrize(("budget", "owned", "asked"), [(None, 60, 60), (80, 60, 80), (40, 60, 40), (None, 900, 100)])
def test_of_a_foreign_pool_as_many_are_asked_as_the_thief_owns_or_affords(
    make, loot, blackbox, student, trainings, attack, budget, owned, asked
):
    thief = make(attack, pool="strokes", budget=budget)
    pool = strokes(100)
    teacher = Watched(blackbox)
    context = attrs.evolve(CONTEXT, pools={"strokes": pool})
    thief.simulate(student, teacher, loot[:owned], context=context, seed=0)
    pixels = torch.cat(teacher.asked)
    known = {image.numpy().tobytes() for image in pool.pixels}
    assert len(pixels) == asked
    assert len({image.numpy().tobytes() for image in pixels}) == asked
    assert all(image.numpy().tobytes() in known for image in pixels)
    if owned < len(pool):
        learned = sum(len(pixels) * training.epochs for pixels, _, training, _ in trainings.calls)
        assert thief.image_passes(owned, CONTEXT.training.epochs) == learned


@pytest.mark.parametrize("attack", ["knockoff", "knockoff-adaptive"])
def test_a_foreign_pool_has_no_true_labels(make, loot, student, attack):
    thief = make(attack, pool="strokes")
    context = attrs.evolve(CONTEXT, pools={"strokes": strokes(100)})
    assert not thief.takes_true_labels
    with pytest.raises(UsageError, match="true labels"):
        thief.simulate(student, None, loot, context=context, seed=0)


def test_a_pool_that_was_not_opened_is_named(make, loot, blackbox, student):
    with pytest.raises(UsageError, match="'strokes'"):
        make("knockoff", pool="strokes").simulate(student, blackbox.as_query(), loot, context=CONTEXT, seed=0)
