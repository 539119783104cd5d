"""Models of a zoo by their lineages, small enough to be trained in a test; the fixtures are those of `core/zoo`."""

from __future__ import annotations

from fpframe.models.training import Training
from fpframe.registry.registry import Registry
from fpframe.zoo.lineage import Lineage
from fpframe.zoo.model import ZooModel

#: What a student is: the cheapest of the five networks to train.
STUDENT = "paper:arc-e"
ONCE = Training(epochs=1, batch_size=32)


def model_of(text: str, registry: Registry, **changes) -> ZooModel:
    """Return a model by its lineage."""
    lineage = Lineage.parse(text, registry)
    relation = "derived" if lineage.steps[0].name == "victim" else "independent"
    usual = {"training": ONCE, "split": "test", "relation": relation, "stratum": text, "family": text}
    return ZooModel(lineage=lineage, **(usual | changes))
