"""`ZooModel`: one model of the zoo, by how it came to be and what part it plays."""

from __future__ import annotations

from typing import Literal

import attrs

from fpframe.models import Training
from fpframe.recipe import Recipe
from fpframe.rng import derive_seed
from fpframe.zoo.beginnings import tuned
from fpframe.zoo.drawn import epochs_of
from fpframe.zoo.lineage import LABELS, TRAIN, VICTIM, Lineage, Step


@attrs.frozen(kw_only=True)
class ZooModel:
    """One model of the zoo.

    Attributes:
        lineage: how it came to be.
        training: how it is fitted, and every model that it was made from; see `training_of`.
        split: ``fit``, ``calibrate`` or ``test``; the victim itself has none.
        relation: what it is to the victim.
        stratum: kind of independent model, or the attack of a derived one.
        family: models of one family share an origin and never stand in two splits.
        epochs: passes over the images of single architectures, where they are not those of `training`.
    """

    lineage: Lineage
    training: Training
    split: str = ""
    relation: Literal["victim", "derived", "independent"]
    stratum: str
    family: str
    epochs: tuple[tuple[str, int], ...] = ()

    def training_of(self, lineage: Lineage) -> Training:
        """Return how a model of this one's chain is fitted, by its lineage."""
        epochs = epochs_of(lineage.architecture, dict(self.epochs))
        training = self.training if epochs is None else attrs.evolve(self.training, epochs=epochs)
        return tuned(training, lineage.architecture)

    @property
    def fitted(self) -> Training:
        """How the model itself is fitted."""
        return self.training_of(self.lineage)

    @property
    def parent(self) -> ZooModel | None:
        """The model that its last step was done to, or asked; ``None`` where that is the victim, labels or nothing."""
        lineage = self.lineage.parent
        if lineage is None or lineage.last.name in (VICTIM, LABELS):
            return None
        return attrs.evolve(self, lineage=lineage)

    @property
    def chain(self) -> tuple[ZooModel, ...]:
        """The models that it was made from, the oldest first, and itself."""
        return (*(self.parent.chain if self.parent else ()), self)

    @property
    def trained(self) -> bool:
        """Whether it was trained on true labels in the ordinary way."""
        return self.lineage.last.name == TRAIN


def victim_model(recipe: Recipe) -> ZooModel:
    """Return the victim that the recipe trains."""
    return ZooModel(
        lineage=trained_lineage(recipe.victim.backbone, "victim", derive_seed(recipe.seed, VICTIM)),
        training=recipe.victim.training or recipe.training,
        relation="victim",
        stratum=VICTIM,
        family=VICTIM,
    )


def trained_lineage(backbone: str, data: str, seed: int) -> Lineage:
    """Return the lineage of a model that is trained on true labels."""
    return Lineage((Step(name=TRAIN, backbone=backbone, data=data, seed=seed),))
