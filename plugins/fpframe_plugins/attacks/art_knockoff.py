"""Attack ``art-knockoff``: KnockoffNets, by the code of the Adversarial Robustness Toolbox."""

from __future__ import annotations

from typing import ClassVar

import attrs

import fpframe
from fpframe import AttackContext, Classifier, Images, Query
from fpframe.parameters import one_of, whole
from fpframe_plugins.attacks import _extraction as common
from fpframe_plugins.attacks._art_extraction import ArtExtraction


@attrs.frozen(kw_only=True)
class ArtKnockoff(ArtExtraction):
    """Send the thief's images, and let ART's ``KnockoffNets`` fit the student to the answers. Needs ``fpframe[art]``.

    Source: Orekondy et al., "Knockoff Nets: stealing functionality of black-box models", CVPR 2019. Choice of images,
    queries and training are ART's. Of the training that the context tells it takes epochs, size of batches, optimizer,
    learning rate and weight decay; the rate is constant. All of the thief's images are in memory at once. The
    adaptive policy sends one image at a time, learns each at once, and may send one twice; it learns labels alone, and
    chooses by the probabilities.

    Attributes:
        labels: ``soft`` takes the victim's probabilities, ``top1`` only its label.
        policy: ``random`` or ``adaptive``.
        reward: what the adaptive policy looks for: certainty (``cert``), diversity (``div``), ``loss``, or ``all``.
        budget: most images that the victim is sent; ``None`` for as many as the thief has.
    """

    name: ClassVar[str] = "art-knockoff"
    art_name: ClassVar[str] = "KnockoffNets"

    labels: str = attrs.field(default="soft", validator=one_of(*common.LABELS))
    policy: str = attrs.field(default="random", validator=one_of("random", "adaptive"))
    reward: str = attrs.field(default="all", validator=one_of("cert", "div", "loss", "all"))
    budget: int | None = attrs.field(default=None, validator=whole(low=2, optional=True))

    def __attrs_post_init__(self) -> None:
        if self.policy == "adaptive" and self.labels == "soft":
            raise fpframe.ParameterError(
                "'labels' of 'art-knockoff' must be top1 with policy=adaptive, because ART learns labels there "
                "(got soft); take labels=top1"
            )

    @property
    def learns_labels(self) -> bool:
        """Whether nothing but top-1 labels is used: the adaptive policy chooses by probabilities."""
        return self.labels == "top1" and self.policy == "random"

    @property
    def takes_true_labels(self) -> bool:
        """Whether the recipe can be followed with true labels, which say nothing of certainty to the adaptive one."""
        return self.policy == "random"

    def image_passes(self, available: int, epochs: int) -> float:
        """Return how many images are learned from in all; the adaptive policy learns each once more."""
        return common.affordable(available, self.budget) * (epochs + (self.policy == "adaptive"))

    def simulate(
        self, student: Classifier, teacher: Query | None, data: Images, *, context: AttackContext, seed: int
    ) -> Classifier:
        """Return the student fitted to the teacher's answers, or to the true labels where there is no teacher.

        Raises:
            UsageError: ART is not installed, or the adaptive policy has no teacher.
            ModelError: ART fails on the student, or on answers that are all alike.
        """
        if teacher is None and self.policy == "adaptive":
            raise fpframe.UsageError(
                "'art-knockoff' cannot be followed with true labels by the adaptive policy, because they say nothing "
                "of certainty; take policy=random"
            )
        return self.steal(
            student, teacher, data, context=context, seed=seed, logits=self.policy == "adaptive",
            sampling_strategy=self.policy, reward=self.reward, verbose=False,
        )  # fmt: skip


@fpframe.hookimpl
def fpframe_components() -> list[type[fpframe.Component]]:
    """Offer the attack."""
    return [ArtKnockoff]
