"""`likeliest`: which of several public models a victim was fine-tuned from, by its early layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs

from fpframe.errors import ModelError
from fpframe.models import Classifier
from fpframe.opening import AskedModel, base_weights
from fpframe.registry import Registry
from fpframe.zoo.likeness import cosine


@attrs.frozen(kw_only=True)
class Candidate:
    """A public model, and how like it the victim is.

    Attributes:
        base: the model, as `Victim.base` names it.
        likeness: cosine between the early layers of both; ``None`` where the model is of another architecture.
    """

    base: Any
    likeness: float | None

    @property
    def name(self) -> str:
        """What it is called."""
        return named(self.base)


def named(base: Any) -> str:
    """Return what a public model is called in messages."""
    return base if isinstance(base, str) else str(base) if hasattr(base, "__fspath__") else type(base).__name__


def ranked(candidates: Sequence[Any], victim: Classifier, registry: Registry) -> list[Candidate]:
    """Compare the early layers of a victim with those of public models, the most alike first.

    Fine-tuning changes early layers least, and a head of other classes not at all. Two networks that were trained apart
    have a cosine of a few hundredths there, whatever they were trained on.

    Args:
        candidates: the models, each as `Victim.base` names one.
        victim: the victim.
        registry: where backbones come from.

    Raises:
        UsageError: an address cannot be that of a public model.
        ModelError: one cannot be read, or the victim shows no weights.
    """
    if isinstance(victim.module, AskedModel):
        raise ModelError(
            "the victim shows no weights, so nobody can tell which of several public models it began as; name one"
        )
    found = [Candidate(base=each, likeness=_likeness(each, victim, registry)) for each in candidates]
    return sorted(found, key=lambda each: -2 if each.likeness is None else each.likeness, reverse=True)


def told(found: Sequence[Candidate]) -> str:
    """Return a sentence about public models in order of likeness."""
    first, *others = [f"'{each.name}' ({_figure(each)})" for each in found]
    return f"of {len(found)} public models the victim's early layers are most like {first}; then {', '.join(others)}"


def _likeness(base: Any, victim: Classifier, registry: Registry) -> float | None:
    return cosine(victim, base_weights(base, victim, registry), early(victim))


def early(victim: Classifier) -> list[str]:
    """Return the names of the first half of a network's weight matrices."""
    matrices = [name for name, weight in victim.module.named_parameters() if weight.ndim > 1]
    return matrices[: max(1, len(matrices) // 2)]


def _figure(candidate: Candidate) -> str:
    return "another architecture" if candidate.likeness is None else f"cosine {candidate.likeness:.3f}"
