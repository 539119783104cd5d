"""Attack ``extract-jacobian``: train a copy on few natural images and on what its own Jacobian makes of them."""

from __future__ import annotations

from typing import ClassVar

import attrs
import torch

import fpframe
from fpframe import AttackContext, Classifier, Images, Query
from fpframe.parameters import number, one_of, whole
from fpframe.rng import derive_seed
from fpframe_plugins.attacks import _extraction as common


@attrs.frozen(kw_only=True)
class ExtractJacobian(common.Extraction):
    """Start from few images and double them in every round, along the Jacobian of the student so far.

    Jacobian-based dataset augmentation (Papernot et al., "Practical black-box attacks against machine learning", Asia
    CCS 2017): every image x that was asked gives ``x + step * sign(J[k])``, where J[k] is the slope of the student's
    output for the label k that the victim gave. The epochs are shared out among the rounds.

    Attributes:
        labels: ``soft`` takes the victim's probabilities, ``top1`` only its label.
        seeds: share of the thief's images that it starts from. The paper's 100 to 150 images are enough for adversarial
            examples that transfer; a student that is worth stealing needs more.
        step: lambda, the change of every pixel, in pixel units.
        rounds: times that the images are doubled.
        budget: most images that the victim is sent, in all rounds; ``None`` for ``2 ** rounds`` times the seeds.
    """

    name: ClassVar[str] = "extract-jacobian"

    labels: str = attrs.field(default="soft", validator=one_of(*common.LABELS))
    seeds: float = attrs.field(default=0.2, validator=number(low=0, high=1, open_low=True))
    step: float = attrs.field(default=0.1, validator=number(low=0, high=1, open_low=True))
    rounds: int = attrs.field(default=3, validator=whole(low=1, high=16))
    budget: int | None = attrs.field(default=None, validator=whole(low=2, optional=True))

    def __attrs_post_init__(self) -> None:
        common.require_budget(self, 2**self.rounds)

    def _natural(self, available: int) -> int:
        return common.affordable(round(self.seeds * available), self.budget, 2**self.rounds)

    def image_passes(self, available: int, epochs: int) -> float:
        """Return how many images are learned from in all, over all rounds."""
        phases = 1 + self.rounds
        sets: int = 2**phases - 1  # 1 + 2 + 4 + ... sets of seeds
        return self._natural(available) * sets * common.shared_epochs(epochs, phases)

    def simulate(
        self, student: Classifier, teacher: Query | None, data: Images, *, context: AttackContext, seed: int
    ) -> Classifier:
        """Return the student of the last round; without a teacher copies have the true label of their origin."""
        natural = common.natural_images(data, self._natural(len(data)), seed)
        common.limit(teacher, self.budget)
        training = common.shared_out(context.training, 1 + self.rounds)
        images, truth = natural.stream, natural.labels
        targets = common.ask(teacher, images, truth, self.labels)
        fpframe.train(student, images, targets, training, seed=derive_seed(seed, "fit", 0))
        for turn in range(1, 1 + self.rounds):
            given = targets.argmax(1) if targets.ndim == 2 else targets
            # down the slope of the loss is up that of the label's log-probability, whose sign is the Jacobian's
            crafted = common.signed_step(student, images, given, -self.step)
            targets = torch.cat([targets, common.ask(teacher, crafted, truth, self.labels)])
            images, truth = images.joined(crafted), torch.cat([truth, truth])
            fpframe.train(student, images, targets, training, seed=derive_seed(seed, "fit", turn))
        return student


@fpframe.hookimpl
def fpframe_components() -> list[type[fpframe.Component]]:
    """Offer the attack."""
    return [ExtractJacobian]
