"""Attack ``fingerprint-aware``: a thief who knows the scheme, but not the secret queries."""

from __future__ import annotations

import copy
from typing import ClassVar, Literal, Self

import attrs
import torch
from torch import Tensor

import fpframe
from fpframe import AttackContext, Classifier, Images, Query
from fpframe.parameters import epsilon_pixels, number, whole
from fpframe.rng import derive_seed, generator
from fpframe_plugins.perturbations.uap import Uap

#: Images that a perturbation is crafted on; more barely improve it.
_CRAFTED_ON = 1000
_CRAFT_STEPS = 400
_CRAFT_BATCH = 16
#: Fewest images on which accuracy is watched, as long as the thief has twice as many.
_LEAST_HELD_OUT = 50


@attrs.frozen(kw_only=True)
class FingerprintAware(fpframe.AttackSimulator):
    """Unlearn universal perturbations by crafting them and training against them, in rounds.

    The scheme of Peng et al. (CVPR 2022) is public, and so is how its perturbation is made. Before each round the thief
    crafts a `uap` on the copy; in the round, one pass over the thief's images, half of each batch carries a
    perturbation of this or an earlier round, and what the copy answered to the clean image before the attack is
    learned for both halves. The rounds are those of "Universal Adversarial Training" (Shafahi et al., AAAI 2020), with
    the victim's answers in place of labels. A seeded tenth of the images is held out, and the copy of the last
    round that costs little enough accuracy there is what the thief keeps: later rounds often win back what the first
    one cost.

    Attributes:
        rounds: times that a perturbation is crafted and unlearned.
        epsilon: L-infinity bound of the perturbations, in pixel units.
        max_drop: largest loss of accuracy that the thief accepts, as a share of the images that are held out.
        learning_rate: peak of the schedule in each round.
    """

    name: ClassVar[str] = "fingerprint-aware"
    access: ClassVar[Literal["weights", "probs", "labels"]] = "weights"
    epsilon: float = attrs.field(default=0.1, validator=epsilon_pixels)
    rounds: int = attrs.field(default=4, validator=whole(low=1))
    max_drop: float = attrs.field(default=0.02, validator=number(low=0, high=1))
    learning_rate: float = attrs.field(default=1e-3, validator=number(low=0, open_low=True))

    @classmethod
    def for_checks(cls) -> Self:
        """Return an attack of one round; crafting takes nearly all of the time."""
        return cls(rounds=1)

    def image_passes(self, available: int, epochs: int) -> float:
        """Return the passes of all rounds, those of crafting included."""
        return self.rounds * (available - _held_out(available) + _CRAFT_STEPS * _CRAFT_BATCH)

    def simulate(
        self, student: Classifier, teacher: Query | None, data: Images, *, context: AttackContext, seed: int
    ) -> Classifier:
        """Return the student after the last round that kept the accuracy; unchanged if none did."""
        order = torch.randperm(len(data), generator=generator(seed, "held out"))
        watched, own = data[order[: _held_out(len(data))]], data[order[_held_out(len(data)) :]]
        answers = student.logits(own.stream).softmax(1)
        right = _count_right(student, watched)
        training = attrs.evolve(context.training, epochs=1, learning_rate=self.learning_rate)
        uap = Uap(epsilon=self.epsilon, steps=_CRAFT_STEPS, batch_size=_CRAFT_BATCH)
        deltas: list[Tensor] = []

        def disturb(_model: Classifier, pixels: Tensor, _targets: Tensor) -> Tensor:
            # earlier perturbations take their turns, or the copy would forget what it has unlearned
            half = len(pixels) // 2
            turns = torch.randint(len(deltas), (half,))
            shifts = torch.cat(deltas)[turns].to(pixels.device)
            return torch.cat([(pixels[:half] + shifts).clamp(0, 1), pixels[half:]])

        kept = copy.deepcopy(student.module.state_dict())
        basis = own[:_CRAFTED_ON]
        for turn in range(self.rounds):
            deltas.append(uap(student, basis.stream, basis.labels, seed=derive_seed(seed, "craft", turn)).delta)
            fpframe.train(student, own.stream, answers, training, seed=derive_seed(seed, "fit", turn), disturb=disturb)
            # the small addend lets a drop pass that equals the bound up to rounding
            if right - _count_right(student, watched) <= self.max_drop * len(watched) + 1e-9:
                kept = copy.deepcopy(student.module.state_dict())
        student.module.load_state_dict(kept)
        return student.eval()


def _held_out(available: int) -> int:
    return min(max(_LEAST_HELD_OUT, available // 10), available // 2)


def _count_right(model: Classifier, images: Images) -> int:
    return int((model.labels(images.stream) == images.labels).sum())


@fpframe.hookimpl
def fpframe_components() -> list[type[fpframe.Component]]:
    """Offer the attack."""
    return [FingerprintAware]
