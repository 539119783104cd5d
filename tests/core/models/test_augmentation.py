"""What is done to images and labels each time they are learned."""

import pytest
import torch

from fpframe.models.augmentation import AUGMENTATIONS, augmented, smoothed
from fpframe.rng import isolated

SHAPE = (6, 2, 9, 13)


def batch():
    source = torch.Generator().manual_seed(0)
    return 0.1 + 0.8 * torch.rand(SHAPE, generator=source), torch.arange(6) % 3


def changed(*names, seed=1):
    with isolated(seed):
        return augmented(*batch(), names, num_classes=3)


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_an_augmentation_changes_pixels_by_chance_and_keeps_shape_and_range(name):
    pixels, _ = changed(name)
    assert pixels.shape == SHAPE
    assert not torch.equal(pixels, batch()[0])
    assert 0 <= float(pixels.min()) <= float(pixels.max()) <= 1
    assert torch.equal(pixels, changed(name)[0])
    assert not torch.equal(pixels, changed(name, seed=2)[0])


@pytest.mark.parametrize("name", ["flip", "shift", "noise", "cutout"])
def test_labels_stay_as_they_are_where_images_are_not_mixed(name):
    assert torch.equal(changed(name)[1], batch()[1])


def test_without_names_nothing_changes_and_nothing_is_drawn():
    with isolated(0):
        before = torch.get_rng_state()
        pixels, targets = augmented(*batch(), (), num_classes=3)
        assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(pixels, batch()[0])
    assert torch.equal(targets, batch()[1])


def test_a_mirrored_image_is_the_image_from_right_to_left_and_some_stay():
    pixels, original = changed("flip")[0], batch()[0]
    kept = [torch.equal(one, other) for one, other in zip(pixels, original, strict=True)]
    mirrored = [torch.equal(one, other.flip(-1)) for one, other in zip(pixels, original, strict=True)]
    assert sorted({*zip(kept, mirrored, strict=True)}) == [(False, True), (True, False)]


def test_a_shifted_image_is_the_image_elsewhere_by_an_eighth_at_most():
    pixels, original = changed("shift")[0], batch()[0]
    for one, other in zip(pixels, original, strict=True):
        places = []
        for down in (-1, 0, 1):
            for right in (-1, 0, 1):
                padded = torch.zeros(2, 11, 15)
                padded[:, 1:10, 1:14] = other
                places.append(torch.equal(one, padded[:, 1 + down : 10 + down, 1 + right : 14 + right]))
        assert sum(places) == 1


def test_a_hole_is_black_a_quarter_of_each_side_and_elsewhere_the_image_stays():
    pixels, original = changed("cutout")[0], batch()[0]
    black = pixels == 0
    assert black.flatten(1).sum(1).tolist() == [2 * 2 * 3] * 6
    assert torch.equal(pixels[~black], original[~black])
    assert len({tuple(place.flatten().tolist()) for place in black}) > 1


def test_mixed_images_have_mixed_labels_in_the_same_proportion():
    pixels, targets = changed("mixup")
    assert targets.shape == (6, 3)
    assert torch.allclose(targets.sum(1), torch.ones(6))
    own = targets.max()
    with isolated(1):
        torch.rand(())
        order = torch.randperm(6)
    original, labels = batch()
    weight = float(targets[labels != labels[order]].max())
    assert torch.allclose(pixels, weight * original + (1 - weight) * original[order], atol=1e-6)
    assert 0.5 <= weight <= float(own) <= 1


def test_smoothed_labels_give_a_share_to_every_class_and_soft_ones_are_smoothed_alike():
    rows = smoothed(torch.tensor([0, 2]), 0.3, num_classes=3)
    assert torch.allclose(rows, torch.tensor([[0.8, 0.1, 0.1], [0.1, 0.1, 0.8]]))
    soft = torch.tensor([[0.5, 0.5, 0.0]])
    assert torch.allclose(smoothed(soft, 0.3, num_classes=3), torch.tensor([[0.45, 0.45, 0.1]]))
    assert smoothed(soft, 0.0, num_classes=3) is soft
