"""`extract-noise` asks about noisy copies."""

from __future__ import annotations

import pytest
import torch

from plugins.attacks.thieves_of_answers import BRIEFLY, Watched


def test_noisy_copies_have_the_noise_that_was_asked_for(make, loot, blackbox, student):
    teacher = Watched(blackbox)
    make("extract-noise", noise=0.05, rounds=2).simulate(student, teacher, loot, context=BRIEFLY, seed=0)
    # they are asked in batches, all copies of one kind after those of another
    natural, *noisy = torch.cat(teacher.asked).split(len(loot))
    inside = (natural > 0.25) & (natural < 0.75)  # clipping narrows it elsewhere
    assert len(noisy) == 2
    assert not torch.equal(*noisy)
    for pixels in noisy:
        assert float((pixels - natural)[inside].std()) == pytest.approx(0.05, rel=0.05)
