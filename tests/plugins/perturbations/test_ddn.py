"""`ddn` finds 8-bit images that fool."""

from __future__ import annotations

import fpframe
from fpframe.models.queryset import to_pixels
from fpframe_plugins.perturbations.ddn import Ddn
from fpframe_plugins.perturbations.deepfool import Deepfool
from plugins.perturbations.small_models import digits, fooled


def test_ddn_finds_8_bit_images_that_fool_as_they_are_asked_and_deepfool_needs_overshoot(victim):
    images, labels = digits()
    images, labels = images[1200:1400], labels[1200:1400]

    def asked(generator: fpframe.PerturbationGenerator) -> float:
        return fooled(victim, images, generator(victim, to_pixels(images), labels, seed=0).delta)

    assert asked(Ddn()) == 1
    assert asked(Deepfool(overshoot=1.0)) > 0.95
    assert asked(Deepfool(overshoot=0.02)) < 0.1
