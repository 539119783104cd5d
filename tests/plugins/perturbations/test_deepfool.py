"""`deepfool` finds the nearest boundary, image by image."""

from __future__ import annotations

import pytest
import torch

from fpframe.models.queryset import to_pixels
from fpframe_plugins.perturbations._deepfool import deepfool_l2
from plugins.perturbations.small_models import digits, linear


def test_deepfool_finds_the_distance_to_the_nearest_boundary_of_a_linear_model():
    model = linear(torch.tensor([[1.0, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0]]))
    x = torch.tensor([0.6, 0.5, 0.3, 0.2]).reshape(1, 1, 2, 2)
    delta, changed, _ = deepfool_l2(model, x, labels=torch.tensor([0]), overshoot=0.0)
    # the boundary between classes 0 and 1 is 0.1 / sqrt(2) away, and a step goes 1e-4 further
    assert bool(changed)
    assert float(delta.norm()) == pytest.approx(0.1 / 2**0.5 + 1e-4, abs=1e-6)
    assert torch.allclose(delta.flatten()[2:], torch.zeros(2))


def test_deepfool_looks_at_the_likeliest_classes_only():
    # class 2 is nearer than the likelier class 1, for its gradient is longer
    model = linear(torch.tensor([[1.0, 0, 0, 0], [0, 1, 0, 0], [-4, 0, 9, 0]]))
    x = torch.tensor([0.6, 0.5, 0.3, 0.2]).reshape(1, 1, 2, 2)
    near, _, _ = deepfool_l2(model, x, labels=torch.tensor([0]), classes=3)
    far, _, _ = deepfool_l2(model, x, labels=torch.tensor([0]), classes=2)
    assert model(x + near).argmax(1).item() == 2
    assert model(x + far).argmax(1).item() == 1
    assert float(near.norm()) < float(far.norm())


def test_deepfool_treats_each_image_as_if_it_were_alone(victim):
    images, _ = digits()
    x = to_pixels(images[1200:1230])
    labels = victim.logits(x).argmax(1)
    together, _, _ = deepfool_l2(victim, x, labels=labels)
    alone = torch.cat([deepfool_l2(victim, x[[i]], labels=labels[[i]])[0] for i in range(len(x))])
    assert torch.allclose(together, alone, atol=1e-4)


def test_deepfool_changes_every_label_within_the_pixel_range_and_leaves_misclassified_images_alone(victim):
    images, _ = digits()
    x = to_pixels(images[1200:1300])
    labels = victim.logits(x).argmax(1)
    labels[:5] = (labels[:5] + 1) % 10
    delta, changed, _ = deepfool_l2(victim, x, labels=labels)
    assert bool(changed.all())
    assert bool((victim.logits(x + delta).argmax(1) != labels).all())
    assert not delta[:5].any()
    assert float((x + delta).min()) >= 0
    assert float((x + delta).max()) <= 1


def test_deepfool_says_which_images_it_could_not_change(victim):
    images, _ = digits()
    x = to_pixels(images[1200:1300])
    labels = victim.logits(x).argmax(1)
    delta, changed, _ = deepfool_l2(victim, x, labels=labels, steps=2)
    assert 0 < int(changed.sum()) < len(x)
    assert torch.equal(changed, victim.logits(x + delta).argmax(1) != labels)
