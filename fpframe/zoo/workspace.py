"""`Workspace`: what making a model needs besides the model's own plan."""

from __future__ import annotations

import inspect
import pickle
from typing import Any

import attrs

from fpframe.backbones import build_backbone
from fpframe.classifier import Classifier, state_digest
from fpframe.dataset import Dataset
from fpframe.digest import content_key
from fpframe.errors import ModelError, UsageError
from fpframe.registry import Registry
from fpframe.store import Store
from fpframe.zoo.partition import Parts
from fpframe.zoo.plan import VICTIM

#: Images whose labels tell two victims apart that have equal weights but, say, another preprocessing.
PROBE_IMAGES = 256


@attrs.frozen(kw_only=True, eq=False)
class VictimHandle:
    """The victim as the zoo needs it.

    Attributes:
        classifier: the victim itself.
        key: identity of its behaviour, which is part of the key of everything made from it.
        backbone: address of the architecture that ``victim`` stands for in a recipe.
    """

    classifier: Classifier
    key: str
    backbone: str

    @classmethod
    def of(cls, classifier: Classifier, parts: Parts, *, backbone: str) -> VictimHandle:
        """Identify a victim by weights, structure, normalisation, and its labels of some images.

        Its probabilities would tell more, but their last bits differ between machines.
        """
        labels = classifier.logits(parts.pool.pixels[:PROBE_IMAGES]).argmax(1)
        identity = [
            state_digest(classifier.module),
            str(classifier.module),
            [classifier.mean, classifier.std],
            labels.tolist(),
        ]
        return cls(classifier=classifier, key=content_key(identity), backbone=backbone)


@attrs.define(kw_only=True, eq=False)
class Workspace:
    """What making a model needs besides the model's own plan.

    Attributes:
        dataset: the data.
        parts: its training images, divided.
        registry: where backbones and attacks come from.
        store: where models are kept.
        victim: the victim; ``None`` while it is itself being trained.
    """

    dataset: Dataset
    parts: Parts
    registry: Registry
    store: Store
    victim: VictimHandle | None = None
    _structures: dict[str, str] = attrs.field(factory=dict, init=False)

    def resolve(self, backbone: str) -> str:
        """Return a backbone's address, with ``victim`` replaced by the victim's own."""
        return self.require_victim().backbone if backbone == VICTIM else backbone

    def build(self, backbone: str, seed: int) -> Classifier:
        """Return a fresh network for the workspace's data."""
        return build_backbone(
            self.registry,
            self.resolve(backbone),
            num_classes=self.dataset.num_classes,
            image_shape=self.dataset.image_shape,
            seed=seed,
        )

    def structure(self, backbone: str) -> str:
        """Return a digest of the layers and first weights that an address gives, and of the source of its module."""
        if backbone not in self._structures:
            module = self.build(backbone, seed=0).module
            try:
                source = inspect.getsource(inspect.getmodule(type(module)) or type(module))
            except (OSError, TypeError):  # typed into an interpreter, or compiled
                source = ""
            self._structures[backbone] = content_key([state_digest(module), str(module), source])
        return self._structures[backbone]

    def pickled(self) -> bytes:
        """Return the workspace for a worker process, in which plugins are discovered anew.

        Raises:
            UsageError: the registry or the victim cannot be rebuilt in another process.
        """
        if not self.registry.discovered:
            raise UsageError("plugins that are not installed are unknown to worker processes; use one worker")
        try:
            return pickle.dumps((self.dataset, self.parts, self.registry.blocked, self.store, self.victim))
        except (pickle.PicklingError, AttributeError, TypeError) as error:
            raise UsageError(
                f"the victim cannot be sent to worker processes: {error}; use one worker, or define its class "
                "at the top of an importable module"
            ) from error

    @classmethod
    def unpickled(cls, content: bytes, registry_of: Any) -> Workspace:
        """Return the workspace in a worker; `registry_of` makes a registry from the blocked names."""
        dataset, parts, blocked, store, victim = pickle.loads(content)
        return cls(dataset=dataset, parts=parts, registry=registry_of(blocked), store=store, victim=victim)

    def require_victim(self) -> VictimHandle:
        """Return the victim.

        Raises:
            ModelError: there is none yet.
        """
        if self.victim is None:
            raise ModelError("a derived model needs a victim; train or load it first")
        return self.victim
