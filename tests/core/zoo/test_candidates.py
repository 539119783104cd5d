"""Which of several public models a victim was fine-tuned from."""

from __future__ import annotations

import pytest
import torch

import fpframe
from fpframe.models import Training, train
from fpframe.zoo.candidates import early, ranked, told

ARCHITECTURE = "paper:arc-a"


def network(registry, seed: int, classes: int = 10, address: str = ARCHITECTURE) -> fpframe.Classifier:
    return fpframe.build_backbone(registry, address, classes, (1, 8, 8), seed=seed)


@pytest.fixture(scope="module")
def public(registry, digits):
    """Three public models of one architecture, that learned the same task."""
    found = {}
    for seed in (1, 2, 3):
        made = train(network(registry, seed, 4), digits.train.pixels, digits.train.labels % 4, Training(), seed=seed)
        found[seed] = made.module.state_dict()
    return found


def tuned(registry, digits, weights) -> fpframe.Classifier:
    victim = network(registry, 9)
    own = victim.module.state_dict()
    fitting = {name: value for name, value in weights.items() if value.shape == own[name].shape}
    victim.module.load_state_dict({**own, **fitting})
    training = Training(epochs=3, learning_rate=1e-3)
    return train(victim, digits.train.pixels, digits.train.labels, training, seed=4)


@pytest.mark.parametrize("began", [1, 2, 3])
def test_the_one_that_a_victim_was_fine_tuned_from_comes_first(began, public, registry, digits):
    found = ranked(list(public.values()), tuned(registry, digits, public[began]), registry)
    assert found[0].base is public[began]
    assert found[0].likeness > 0.9
    assert all(abs(other.likeness) < 0.3 for other in found[1:])


def test_one_of_another_architecture_comes_last(public, registry, digits):
    other = network(registry, 5, address="paper:arc-e").module
    found = ranked([other, public[1]], tuned(registry, digits, public[1]), registry)
    assert [each.base for each in found] == [public[1], other]
    assert found[1].likeness is None
    assert told(found) == (
        f"of 2 public models the victim's early layers are most like 'OrderedDict' (cosine {found[0].likeness:.3f}); "
        f"then '{type(other).__name__}' (another architecture)"
    )


def test_a_victim_that_shows_no_weights_cannot_be_compared(public, registry, digits):
    asked, _ = fpframe.Victim(lambda pixels: torch.zeros(len(pixels), 10)).open(digits, registry)
    with pytest.raises(fpframe.ModelError, match="which of several public models it began as; name one"):
        ranked(list(public.values()), asked, registry)


def test_the_early_layers_are_the_first_half(registry):
    victim = network(registry, 0)
    matrices = [name for name, weight in victim.module.named_parameters() if weight.ndim > 1]
    assert early(victim) == matrices[: len(matrices) // 2]
