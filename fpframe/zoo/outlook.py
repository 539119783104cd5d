"""What building a zoo would take: how many models there are, what is stored already, and how long the rest takes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import attrs

from fpframe.base import Event
from fpframe.recipe import Run
from fpframe.zoo.build import missing_models
from fpframe.zoo.dropped import dropped_models
from fpframe.zoo.estimate import estimate_seconds
from fpframe.zoo.model import ZooModel
from fpframe.zoo.workspace import Workspace


@attrs.frozen(kw_only=True)
class Outlook:
    """What building a zoo would take.

    Attributes:
        models: the models that were asked for.
        missing: models that are not stored, those included that the others are made from.
        seconds: estimated time for what is missing, on one core.
        dropped: models that are stored without their weights.
    """

    models: tuple[ZooModel, ...]
    missing: tuple[ZooModel, ...]
    seconds: float
    dropped: tuple[ZooModel, ...] = ()

    @classmethod
    def of(cls, models: Sequence[ZooModel], workspace: Workspace) -> Outlook:
        """Look into the store, and time a few steps of each architecture that is missing."""
        missing = missing_models(models, workspace)
        return cls(
            models=tuple(models),
            missing=tuple(missing),
            seconds=estimate_seconds(missing, workspace),
            dropped=tuple(dropped_models(models, workspace)),
        )

    def counts(self) -> dict[tuple[str, str], dict[str, int]]:
        """Return the number of models in each split by relation and stratum, in the order of the recipe."""
        found: dict[tuple[str, str], Counter[str]] = {}
        for model in self.models:
            found.setdefault((model.relation, model.stratum), Counter())[model.split] += 1
        return {kind: dict(splits) for kind, splits in found.items()}

    def duration(self, workers: int) -> str:
        """Return the estimated time in words."""
        seconds = self.seconds / workers
        return f"{seconds / 60:.0f} minutes" if seconds >= 90 else f"{seconds:.0f} seconds"


def announce(models: Sequence[ZooModel], workspace: Workspace, run: Run) -> None:
    """Tell the listener how many models there will be, how many are stored already, and the time for the others."""
    outlook = Outlook.of(models, workspace)
    roles = Counter(f"{m.stratum if m.relation == 'independent' else m.relation} ({m.split})" for m in models)
    listed = ", ".join(f"{count} {role}" for role, count in sorted(roles.items()))
    run.on_event(Event(task="zoo", kind="note", text=f"zoo: {len(models)} models: {listed}"))
    missing = len(outlook.missing)
    text = "all of them are in the store already"
    if missing:
        length = outlook.duration(run.workers)
        stored = len(set(models) - set(outlook.missing))
        text = (
            f"{missing} are to be trained: about {length} with {run.workers} worker(s); "
            f"{stored} of {len(models)} are in the store already"
        )
    run.on_event(Event(task="zoo", kind="note", text=text))
