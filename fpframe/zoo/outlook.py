"""What building a zoo would take: how many models there are, what is stored already, and how long the rest takes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import attrs

from fpframe.base import Event
from fpframe.recipe import Run
from fpframe.zoo.build import missing_models
from fpframe.zoo.costs import Cost, costs_by_kind
from fpframe.zoo.dropped import dropped_models
from fpframe.zoo.estimate import expected_seconds
from fpframe.zoo.lineage import VICTIM
from fpframe.zoo.model import ZooModel
from fpframe.zoo.needs import Needs
from fpframe.zoo.workspace import Workspace


@attrs.frozen(kw_only=True)
class Sharing:
    """How many models of a plan serve other victims too, if these have the same images and recipe.

    Attributes:
        common: independent models that serve every victim.
        alike: independent models of the victim's architecture, or students of it: they serve victims of it.
        thieves: models that are made from the victim, and serve no other.
    """

    common: int
    alike: int
    thieves: int


@attrs.frozen(kw_only=True)
class Outlook:
    """What building a zoo would take.

    Attributes:
        models: the models that were asked for.
        missing: models that are not stored, those included that the others are made from.
        expected: estimated seconds for each that is missing, on one core.
        dropped: models that are stored without their weights.
        needs: what those that are missing need besides time.
    """

    models: tuple[ZooModel, ...]
    missing: tuple[ZooModel, ...]
    expected: tuple[float, ...]
    dropped: tuple[ZooModel, ...] = ()
    needs: Needs = attrs.field(factory=Needs)

    @classmethod
    def of(cls, models: Sequence[ZooModel], workspace: Workspace) -> Outlook:
        """Look into the store, and count and time a few steps of each architecture that is missing."""
        missing = missing_models(models, workspace)
        needs = Needs.of(missing, models, workspace)
        return cls(
            models=tuple(models),
            missing=tuple(missing),
            expected=tuple(expected_seconds(missing, workspace, planned=models)),
            dropped=tuple(dropped_models(models, workspace)),
            needs=needs,
        )

    @property
    def seconds(self) -> float:
        """Estimated time for all that is missing, on one core."""
        return sum(self.expected)

    def costs(self) -> tuple[Cost, ...]:
        """Return what is missing of each kind, and the estimated time for it."""
        return costs_by_kind(self.missing, self.expected)

    def counts(self) -> dict[tuple[str, str], dict[str, int]]:
        """Return the number of models in each split by relation and stratum, in the order of the recipe."""
        found: dict[tuple[str, str], Counter[str]] = {}
        for model in self.models:
            found.setdefault((model.relation, model.stratum), Counter())[model.split] += 1
        return {kind: dict(splits) for kind, splits in found.items()}

    def sharing(self) -> Sharing:
        """Return which of the models other victims share."""
        thieves = sum(model.lineage.steps[0].name == VICTIM for model in self.models)
        alike = sum(
            model.lineage.steps[0].name != VICTIM and any(step.backbone == VICTIM for step in model.lineage.steps)
            for model in self.models
        )
        return Sharing(thieves=thieves, alike=alike, common=len(self.models) - thieves - alike)

    def duration(self, workers: int) -> str:
        """Return the estimated time in words."""
        seconds = self.seconds / workers
        return f"{seconds / 60:.0f} minutes" if seconds >= 90 else f"{seconds:.0f} seconds"


def announce(models: Sequence[ZooModel], workspace: Workspace, run: Run) -> Outlook:
    """Tell the listener how many models there will be, how many are stored already, and the time for the others.

    Returns what it told.
    """
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
    if missing:
        run.on_event(Event(task="zoo", kind="note", text=outlook.needs.in_words()))
    return outlook
