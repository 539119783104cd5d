"""`weight-noise` adds as much noise as it is asked for."""

from __future__ import annotations

import pytest

from fpframe_plugins.attacks._layers import weights_of


def test_the_noise_on_weights_has_the_size_that_is_asked_for(steal, victim):
    for level in (0.05, 0.5):
        stolen = weights_of(steal("weight-noise", level=level).module)
        for name, weight in weights_of(victim.module).items():
            noise = ((stolen[name] - weight) / weight.std()).detach()
            assert float(noise.std()) == pytest.approx(level, rel=0.25)
            assert float(noise.mean()) == pytest.approx(0, abs=level / 2)
