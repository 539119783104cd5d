"""What a suspect's first answers tell of how it behaves."""

import pytest
import torch

from fpframe.verification.hindrances import turned
from fpframe.verification.probes import Probed

PROBES, CLASSES = 16, 10


def probed(**changes):
    """Return what a suspect said of 16 images, of which it is fairly sure."""
    rows = torch.randn(PROBES, CLASSES, generator=torch.Generator().manual_seed(0)).mul(3).softmax(1)
    facts = {"changing": False, "swapped": False, "mixing": False, **changes}
    return Probed(answers=torch.stack([rows] * 3), positions=torch.arange(PROBES), **facts)


def moved(count):
    """Return answers to the first view, of which `count` are not what the probes said."""
    view = probed().answers[0].clone()
    view[:count] = view[:count].roll(1, 1)
    return view


@pytest.mark.parametrize("count", [0, 1, 4])
def test_up_to_a_quarter_of_the_probes_may_be_answered_differently_in_the_first_view(count):
    assert not turned(probed(), moved(count))


@pytest.mark.parametrize("count", [5, 8, 16])
def test_more_than_a_quarter_is_another_behaviour(count):
    assert turned(probed(), moved(count))


@pytest.mark.parametrize("known", ["changing", "mixing"])
def test_a_suspect_that_is_known_to_change_is_not_told_so_again(known):
    assert not turned(probed(**{known: True}), moved(16))
