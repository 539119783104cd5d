"""Kinds of theft: the rows of a comparison."""

from __future__ import annotations

from fpframe.interfaces import AttackSimulator
from fpframe.registry import Registry
from fpframe.zoo import ZooModel, component_of, is_filter

MODIFIED = "modified copies"
#: From the hardest to the easiest.
KINDS = (
    "natural queries, soft labels",
    "natural queries, top-1 labels",
    "augmented queries, soft labels",
    "augmented queries, top-1 labels",
    MODIFIED,
)


def kind_of(model: ZooModel, registry: Registry) -> str:
    """Return what kind of theft a derived model is, by its last attack, or the stratum of an independent one."""
    if model.relation == "independent":
        return model.stratum
    for step in reversed(model.lineage.steps[1:]):
        if not is_filter(step, registry):
            attack = component_of(step, registry)
            assert isinstance(attack, AttackSimulator)
            if attack.access == "weights":
                return MODIFIED
            queries = "natural" if attack.natural else "augmented"
            return f"{queries} queries, {'top-1' if attack.learns_labels else 'soft'} labels"
    return MODIFIED  # the victim itself, behind answer filters
