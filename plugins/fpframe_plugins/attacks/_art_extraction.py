"""What thieves by the code of the Adversarial Robustness Toolbox have in common.

Not a plugin: `art-knockoff` and `art-copycat` use it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

import fpframe
from fpframe import AttackContext, Classifier, Images, Query, Training
from fpframe.errors import first_line
from fpframe.rng import derive_seed, isolated
from fpframe_plugins._art import art, estimator
from fpframe_plugins.attacks import _extraction as common

#: From pixels ``(N, C, H, W)`` to answers ``(N, K)``.
Ask = Callable[[Tensor], Tensor]
#: The least probability whose logarithm stands for a logit.
_LEAST = 1e-12


class ArtExtraction(common.Extraction):
    """Let an extraction attack of ART choose the images, send them and fit the student.

    Attributes:
        labels: ``soft`` takes the victim's probabilities, ``top1`` only its label.
        budget: most images that the victim is sent; ``None`` for all that the thief has.
    """

    natural: ClassVar[bool] = True
    #: What ART calls the attack.
    art_name: ClassVar[str]
    budget: int | None

    def image_passes(self, available: int, epochs: int) -> float:
        """Return how many images are learned from in all."""
        return common.affordable(available, self.budget) * epochs

    def steal(
        self,
        student: Classifier,
        teacher: Query | None,
        data: Images,
        *,
        context: AttackContext,
        seed: int,
        logits: bool = False,
        **how: Any,
    ) -> Classifier:
        """Return the student as ART fits it.

        Args:
            student: what learns.
            teacher: who is sent images; ``None`` for the true labels.
            data: what the thief owns.
            context: holds the training.
            seed: decides all that ART draws.
            logits: whether ART is told logarithms of probabilities in the place of probabilities.
            how: further arguments of ART's attack.

        Raises:
            UsageError: ART is not installed.
            ModelError: ART fails on the student, such as in a batch normalisation.
        """
        attacks = art("attacks.extraction", self.name)
        classification = art("estimators.classification", self.name)
        asked = common.affordable(len(data), self.budget)
        common.limit(teacher, self.budget)
        images, training = data.pixels, context.training
        ask: Ask = teacher if teacher is not None else _truth(images, data.labels, student.num_classes)

        def predict(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
            answers = ask(torch.from_numpy(pixels))
            told: NDArray[np.float32] = (answers.clamp_min(_LEAST).log() if logits else answers).float().numpy()
            return told

        victim = classification.BlackBoxClassifier(
            predict, input_shape=student.image_shape, nb_classes=student.num_classes, clip_values=(0.0, 1.0)
        )
        attack = getattr(attacks, self.art_name)(
            victim,
            batch_size_fit=_batch_size(asked, training.batch_size),
            batch_size_query=256 if teacher is None else teacher.batch_size,
            nb_epochs=training.epochs,
            nb_stolen=asked,
            use_probability=self.labels == "soft",
            **how,
        )
        student.requires_grad_(True)
        thief = estimator(student, self.name, optimizer=_optimizer(student, training))
        kinds = (
            data.labels.unique(return_inverse=True)[1].numpy() if how.get("sampling_strategy") == "adaptive" else None
        )
        try:
            with isolated(derive_seed(seed, "art")), np.errstate(all="ignore"):
                attack.extract(images.numpy(), kinds, thieved_classifier=thief)
        except ValueError as error:
            if isinstance(error, fpframe.FpframeError):
                raise
            raise fpframe.ModelError(
                f"ART's {self.art_name} failed: {first_line(error)} ({self.name}); take another architecture, budget "
                "or policy"
            ) from error
        for weight in student.parameters():
            weight.grad = None
        return student.eval()


def _truth(images: Tensor, labels: Tensor, num_classes: int) -> Ask:
    """Return what answers with true labels; an image that is there twice has the label of the first."""
    known: dict[bytes, Tensor] = {}
    for image, row in zip(images, F.one_hot(labels, num_classes).float(), strict=True):
        known.setdefault(image.numpy().tobytes(), row)
    return lambda pixels: torch.stack([known[image.numpy().tobytes()] for image in pixels])


def _batch_size(asked: int, wanted: int) -> int:
    """Return a size that leaves no last batch of one image, which batch normalisation cannot take."""
    size = min(wanted, asked)
    while size < asked and asked % size == 1:
        size += 1
    return size


def _optimizer(student: nn.Module, training: Training) -> torch.optim.Optimizer:
    weights, rate, decay = student.parameters(), training.learning_rate, training.weight_decay
    if training.optimizer == "sgd":
        return torch.optim.SGD(weights, rate, momentum=0.9, nesterov=True, weight_decay=decay)
    return torch.optim.AdamW(weights, rate, weight_decay=decay)
