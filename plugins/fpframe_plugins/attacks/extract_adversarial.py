"""Attack ``extract-adversarial``: train a copy on answers to natural images and to what the copy finds hard."""

from __future__ import annotations

from typing import ClassVar

import attrs
import torch

import fpframe
from fpframe import AttackContext, Classifier, Images, Query
from fpframe.parameters import epsilon_pixels, one_of, whole
from fpframe.rng import derive_seed
from fpframe_plugins.attacks import _extraction as common


@attrs.frozen(kw_only=True)
class ExtractAdversarial(common.Extraction):
    """Ask in rounds: natural images first, then copies that the last round's student answers unlike the victim.

    Each copy is one signed gradient step away from the victim's answer, so it is asked where student and victim are
    likely to part (the active thief of Peng et al., CVPR 2022). The epochs are shared out among the rounds.

    Attributes:
        labels: ``soft`` takes the victim's probabilities, ``top1`` only its label.
        epsilon: L-infinity size of the step, in pixel units.
        rounds: active rounds, each with one copy of each natural image.
        budget: most images that the victim is sent, copies included; ``None`` for all.
    """

    name: ClassVar[str] = "extract-adversarial"

    labels: str = attrs.field(default="soft", validator=one_of(*common.LABELS))
    epsilon: float = attrs.field(default=0.1, validator=epsilon_pixels)
    rounds: int = attrs.field(default=1, validator=whole(low=1))
    budget: int | None = attrs.field(default=None, validator=whole(low=2, optional=True))

    def __attrs_post_init__(self) -> None:
        common.require_budget(self, 1 + self.rounds)

    def _natural(self, available: int) -> int:
        return common.affordable(available, self.budget, 1 + self.rounds)

    def image_passes(self, available: int, epochs: int) -> float:
        """Return how many images are learned from in all, over all rounds."""
        phases = 1 + self.rounds
        sets = phases * (phases + 1) // 2  # 1 + 2 + ... natural sets
        return self._natural(available) * sets * common.shared_epochs(epochs, phases)

    def simulate(
        self, student: Classifier, teacher: Query | None, data: Images, *, context: AttackContext, seed: int
    ) -> Classifier:
        """Return the student of the last round; without a teacher the same rounds with true labels."""
        natural = common.natural_images(data, self._natural(len(data)), seed)
        common.limit(teacher, self.budget)
        training = common.shared_out(context.training, 1 + self.rounds)
        images = natural.stream
        first = targets = common.ask(teacher, images, natural.labels, self.labels)
        fpframe.train(student, images, targets, training, seed=derive_seed(seed, "fit", 0))
        for turn in range(1, 1 + self.rounds):
            crafted = common.signed_step(student, natural.stream, first, self.epsilon)
            images = images.joined(crafted)
            targets = torch.cat([targets, common.ask(teacher, crafted, natural.labels, self.labels)])
            fpframe.train(student, images, targets, training, seed=derive_seed(seed, "fit", turn))
        return student


@fpframe.hookimpl
def fpframe_components() -> list[type[fpframe.Component]]:
    """Offer the attack."""
    return [ExtractAdversarial]
