"""Attack ``art-copycat``: CopycatCNN, by the code of the Adversarial Robustness Toolbox."""

from __future__ import annotations

from typing import ClassVar

import attrs

import fpframe
from fpframe import AttackContext, Classifier, Images, Query
from fpframe.parameters import one_of, whole
from fpframe_plugins.attacks import _extraction as common
from fpframe_plugins.attacks._art_extraction import ArtExtraction


@attrs.frozen(kw_only=True)
class ArtCopycat(ArtExtraction):
    """Send natural images, and let ART's ``CopycatCNN`` fit the student to the answers. Needs ``fpframe[art]``.

    Source: Correia-Silva et al., "Copycat CNN: stealing knowledge by persuading confession with random non-labeled
    data", IJCNN 2018. Choice of images, queries and training are ART's. Of the training that the context tells it takes
    epochs, size of batches, optimizer, learning rate and weight decay; the rate is constant. All of the thief's images
    are in memory at once.

    Attributes:
        labels: ``soft`` takes the victim's probabilities, ``top1`` only its label, as the paper does.
        budget: most images that the victim is sent; ``None`` for all that the thief has.
    """

    name: ClassVar[str] = "art-copycat"
    art_name: ClassVar[str] = "CopycatCNN"

    labels: str = attrs.field(default="top1", validator=one_of(*common.LABELS))
    budget: int | None = attrs.field(default=None, validator=whole(low=2, optional=True))

    def simulate(
        self, student: Classifier, teacher: Query | None, data: Images, *, context: AttackContext, seed: int
    ) -> Classifier:
        """Return the student fitted to the teacher's answers, or to the true labels where there is no teacher.

        Raises:
            UsageError: ART is not installed.
            ModelError: ART fails on the student.
        """
        return self.steal(student, teacher, data, context=context, seed=seed)


@fpframe.hookimpl
def fpframe_components() -> list[type[fpframe.Component]]:
    """Offer the attack."""
    return [ArtCopycat]
