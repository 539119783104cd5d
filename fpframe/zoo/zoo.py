"""`Zoo`: models that are built, with what is known of each."""

from __future__ import annotations

from typing import Any

import attrs
from torch import Tensor

from fpframe.models import Classifier, Query
from fpframe.zoo.keys import model_key
from fpframe.zoo.lineage import is_filter
from fpframe.zoo.make import labels_on_test, load_entry, load_model, query_model
from fpframe.zoo.model import ZooModel
from fpframe.zoo.workspace import Workspace

#: A theft that costs more accuracy than this, as a share of the test images, has failed.
FAILED_THEFT = 0.05


@attrs.frozen(kw_only=True)
class Facts:
    """What is known of a model.

    Attributes:
        accuracy: share of the test images that it gets right.
        agreement: share of the test images that get the label that the victim gives.
        queries: images that its teacher was asked about.
        seconds: time that it took to make; ``None`` where that was not noted.
        failed: whether it is a failed theft: derived, and more than five points less accurate than the victim.
    """

    accuracy: float
    agreement: float
    queries: int
    seconds: float | None
    failed: bool


@attrs.define(eq=False)
class Zoo:
    """Models that are built, with the roles that they play.

    Attributes:
        models: the models.
        workspace: where they are kept.
    """

    models: tuple[ZooModel, ...]
    workspace: Workspace

    def load(self, model: ZooModel) -> Classifier:
        """Return one model; nothing is kept in memory, so that a zoo may be large."""
        return load_model(model, self.workspace)

    def query(self, model: ZooModel) -> Query:
        """Return black-box access to one model, through its answer filters."""
        return query_model(model, self.workspace)

    def of(self, *splits: str) -> list[ZooModel]:
        """Return the models of some splits, in the order of the plan."""
        return [model for model in self.models if model.split in splits]

    def fitting(self) -> list[ZooModel]:
        """Return the models of the fit split but for failed thefts, which do not show what thefts are like."""
        return [model for model in self.of("fit") if not self.failed(model)]

    def labels(self, model: ZooModel) -> Tensor:
        """Return the labels ``(N,)`` that a model gives the workspace's test images."""
        return labels_on_test(model, self.workspace)

    def accuracy(self, model: ZooModel) -> float:
        """Return the share of the workspace's test images that a model gets right."""
        return _share(self.labels(model), self.workspace.dataset.test.labels)

    def failed(self, model: ZooModel) -> bool:
        """Tell whether a model is a failed theft: derived, and more than five points less accurate than the victim."""
        if model.relation != "derived":
            return False
        truth = self.workspace.dataset.test.labels
        lost = _share(self.workspace.victim_labels(), truth) - self.accuracy(model)
        return round(lost, 6) > FAILED_THEFT

    def facts(self, model: ZooModel) -> Facts:
        """Return what is known of a model."""
        return Facts(
            accuracy=self.accuracy(model),
            agreement=_share(self.labels(model), self.workspace.victim_labels()),
            queries=sum(self._noted(link)["queries"] for link in model.chain),
            seconds=self._seconds(model),
            failed=self.failed(model),
        )

    def _noted(self, model: ZooModel) -> dict[str, Any]:
        if is_filter(model.lineage.last, self.workspace.registry):
            return {"queries": 0}
        return load_entry(model, self.workspace).facts

    def _seconds(self, model: ZooModel) -> float | None:
        seconds = self.workspace.store.sidecar(model_key(model, self.workspace)).get("seconds")
        return float(seconds) if seconds is not None else None


def _share(labels: Tensor, wanted: Tensor) -> float:
    return round(float((labels == wanted).double().mean()), 6)
