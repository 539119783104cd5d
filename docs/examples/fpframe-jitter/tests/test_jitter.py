"""The promises that every perturbation makes, and the one that this one makes."""

from fpframe_jitter import Jitter

import fpframe
from fpframe.testing import Bench, parametrize_with_checks


@parametrize_with_checks([Jitter(), Jitter(epsilon=0.5)])
def test_jitter_keeps_the_promises_of_a_perturbation(check):
    check()


def test_each_image_has_noise_of_its_own():
    bench = Bench()
    images = bench.images(8)
    delta = Jitter(epsilon=0.2)(bench.classifier(), images.pixels, images.labels, seed=0).delta
    assert len({row.numpy().tobytes() for row in delta}) == 8
    assert 0.19 < float(delta.abs().max()) <= 0.2
    assert abs(float(delta.mean())) < 0.02


def test_the_scheme_is_offered():
    assert fpframe.load_registry().owner("scheme", "jitter").distribution == "fpframe-jitter"
