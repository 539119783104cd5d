"""What models take by kind, and how long those of a build that are left will still take."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

import attrs

from fpframe.zoo.keys import model_key
from fpframe.zoo.model import ZooModel
from fpframe.zoo.workspace import Workspace


@attrs.frozen(kw_only=True)
class Cost:
    """What the models of one kind take.

    Attributes:
        kind: the stratum of independent models, or the attack of derived ones.
        models: how many there are.
        seconds: what all of them take, on one core each.
    """

    kind: str
    models: int
    seconds: float


def costs_by_kind(models: Sequence[ZooModel], seconds: Sequence[float]) -> tuple[Cost, ...]:
    """Return what each kind of model takes, in the order of the models, from the seconds of each."""
    spent: dict[str, list[float]] = {}
    for model, taken in zip(models, seconds, strict=True):
        spent.setdefault(model.stratum, []).append(taken)
    return tuple(Cost(kind=kind, models=len(taken), seconds=sum(taken)) for kind, taken in spent.items())


def stored_costs(models: Sequence[ZooModel], workspace: Workspace) -> tuple[Cost, ...]:
    """Return what each kind of model took when it was made, as the store has it."""
    sidecars = [workspace.store.sidecar(model_key(model, workspace)) for model in models]
    return costs_by_kind(models, [sidecar.get("seconds", 0.0) for sidecar in sidecars])


#: Seconds for which a build is taken to have gone as expected before it began: the first models say little, for they
#: wait for the workers to start.
PRIOR = 20.0


@attrs.define(kw_only=True)
class BuildClock:
    """Tells how long a build will still take, from what its models were expected to take.

    Attributes:
        expected: seconds by the key of each model, on one core.
        workers: how many models are made at once.
        done: keys of the models that are finished.
    """

    expected: Mapping[str, float]
    workers: int
    done: set[str] = attrs.field(factory=set, init=False)
    _started: float = attrs.field(factory=lambda: time.monotonic(), init=False)

    def finish(self, key: str) -> None:
        """Take note that a model is finished."""
        self.done.add(key)

    @property
    def left(self) -> float:
        """Seconds that the build will still take if it goes on as fast as it has so far."""
        done = sum(self.expected[key] for key in self.done)
        speed = (done + PRIOR * self.workers) / (time.monotonic() - self._started + PRIOR)
        return (sum(self.expected.values()) - done) / speed
