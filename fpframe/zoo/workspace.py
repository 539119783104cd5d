"""`Workspace`: what making a model needs besides the model's own plan."""

from __future__ import annotations

import inspect
import pickle
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
from torch import Tensor

from fpframe.base import content_key
from fpframe.errors import ModelError, UsageError
from fpframe.models import PLAIN, Classifier, Dataset, Images, Preparation, Training, state_digest
from fpframe.opening import AskedModel, build_backbone, open_pool
from fpframe.registry import Registry, load_registry
from fpframe.store import Store, mapping_into
from fpframe.zoo.base import Base
from fpframe.zoo.beginnings import begins_at_base
from fpframe.zoo.lineage import VICTIM
from fpframe.zoo.parts import Parts

if TYPE_CHECKING:
    from fpframe.zoo.footprint import Footprint

#: Images whose labels tell two victims apart that have equal weights but, say, another preprocessing.
PROBE_IMAGES = 256


@attrs.frozen(kw_only=True, eq=False)
class VictimHandle:
    """The victim as the zoo needs it.

    Attributes:
        classifier: the victim itself.
        key: identity of its behaviour, which is part of the key of everything made from it.
        backbone: address of the architecture that ``victim`` stands for in a recipe.
        geometry: how images are brought to the size and colours of that architecture, where it is the victim's own.
    """

    classifier: Classifier
    key: str
    backbone: str
    geometry: Preparation = PLAIN

    @classmethod
    def of(cls, classifier: Classifier, parts: Parts, *, backbone: str, geometry: Preparation = PLAIN) -> VictimHandle:
        """Identify a victim by weights, structure, normalisation, and its labels of some images.

        Its probabilities would tell more, but their last bits differ between machines. One that can only be asked shows
        no weights, so that more of its labels have to tell it from others.
        """
        probes = parts.pool if isinstance(classifier.module, AskedModel) else parts.pool[:PROBE_IMAGES]
        labels = classifier.labels(probes.stream)
        identity = [
            state_digest(classifier.module),
            str(classifier.module),
            [classifier.mean, classifier.std],
            labels.tolist(),
        ]
        preparation = str(attrs.evolve(classifier.preparation, mean=None, std=None))
        key = content_key([*identity, preparation] if preparation else identity)
        return cls(classifier=classifier, key=key, backbone=backbone, geometry=geometry)


@attrs.frozen(kw_only=True)
class Pace:
    """What an architecture takes on one core.

    Attributes:
        learning: seconds for each image, each time it is learned from.
        asking: seconds for each image that is asked.
    """

    learning: float
    asking: float


@attrs.define(kw_only=True, eq=False)
class Workspace:
    """What making a model needs besides the model's own plan.

    Attributes:
        dataset: the data.
        parts: its training images, divided.
        registry: where backbones and attacks come from.
        store: where models are kept.
        victim: the victim; ``None`` while it is itself being trained.
        victim_backbone: address that ``victim`` stands for while there is no victim yet.
        victim_geometry: how images are brought to the size and colours of that architecture.
        base: the public model that the victim was fine-tuned from.
        data_root: folder of data sets that are files.
        device: where models are trained and asked, as the run says; worker processes need to be told.
        mends: whether a model whose entry in the store turns out to be damaged is trained again at once, as it is after
            a build; those who only list or export train nothing.
        paces: how fast architectures were found to be on this machine, for `expected_seconds`.
        footprints: what architectures were found to take on any machine, for `Needs`.
    """

    dataset: Dataset
    parts: Parts
    registry: Registry
    store: Store
    victim: VictimHandle | None = None
    victim_backbone: str | None = None
    victim_geometry: Preparation = PLAIN
    base: Base | None = None
    data_root: Path | None = None
    device: str | None = None
    mends: bool = False
    paces: dict[tuple[str, Training], Pace] = attrs.field(factory=dict, init=False)
    footprints: dict[str, Footprint] = attrs.field(factory=dict, init=False)
    _structures: dict[str, str] = attrs.field(factory=dict, init=False)
    _pools: dict[str, Images] = attrs.field(factory=dict, init=False)
    _victim_labels: dict[str, Tensor] = attrs.field(factory=dict, init=False)

    def resolve(self, backbone: str) -> str:
        """Return a backbone's address, with ``victim`` replaced by the victim's own."""
        if backbone != VICTIM:
            return backbone
        if self.victim is None and self.victim_backbone is not None:
            return self.victim_backbone
        return self.require_victim().backbone

    def pool(self, address: str) -> Images:
        """Return the training images of another data set, as thieves ask them about the victim.

        Raises:
            PluginError: no plugin knows the address.
            DataError: the data set cannot be used.
        """
        if address not in self._pools:
            with mapping_into(self.store):
                self._pools[address] = open_pool(self.registry, address, self.data_root, self.dataset.image_shape)
        return self._pools[address]

    def build(self, backbone: str, seed: int) -> Classifier:
        """Return a fresh network for the workspace's data; one of the victim's architecture gets them as the victim.

        One whose address says ``base:`` begins as the victim's public model.
        """
        if begins_at_base(backbone):
            return self.require_base().build(backbone, self.dataset, self.registry, seed=seed)
        address, shape = self.resolve(backbone), self.dataset.image_shape
        geometry = self.geometry(address)
        network = build_backbone(self.registry, address, self.dataset.num_classes, geometry.shape(shape), seed=seed)
        if geometry == PLAIN:
            return network
        own = network.preparation
        return network.behind(attrs.evolve(geometry, scale=own.scale, mean=own.mean, std=own.std), shape)

    def geometry(self, address: str) -> Preparation:
        """Return how images are brought to the size and colours of an architecture."""
        if self.victim is None:
            return self.victim_geometry if address == self.victim_backbone else PLAIN
        return self.victim.geometry if address == self.victim.backbone else PLAIN

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
            return pickle.dumps(
                (attrs.evolve(self, registry=Registry([])), self.registry.blocked, self.registry.pinned)
            )
        except (pickle.PicklingError, AttributeError, TypeError) as error:
            raise UsageError(
                f"the victim cannot be sent to worker processes: {error}; use one worker, or define its class "
                "at the top of an importable module"
            ) from error

    @classmethod
    def unpickled(cls, content: bytes) -> Workspace:
        """Return the workspace in a worker, where plugins are discovered anew."""
        space, blocked, pinned = pickle.loads(content)
        assert isinstance(space, cls)
        return attrs.evolve(space, registry=load_registry(blocked=blocked, pinned=pinned))

    def victim_labels(self) -> Tensor:
        """Return the labels ``(N,)`` that the victim gives the test images; it is asked once.

        Raises:
            ModelError: there is no victim yet.
        """
        victim = self.require_victim()
        if victim.key not in self._victim_labels:
            self._victim_labels[victim.key] = victim.classifier.labels(self.dataset.test.stream)
        return self._victim_labels[victim.key]

    def require_base(self) -> Base:
        """Return the public model that the victim was fine-tuned from.

        Raises:
            ModelError: nobody named it.
        """
        if self.base is None:
            raise ModelError(
                "models that begin as the victim's public model does need it; say with --base which model that is"
            )
        return self.base

    def require_victim(self) -> VictimHandle:
        """Return the victim.

        Raises:
            ModelError: there is none yet.
        """
        if self.victim is None:
            raise ModelError("a derived model needs a victim; train or load it first")
        return self.victim
