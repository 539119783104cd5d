"""The built-in strata: those that every verdict is expected to speak of, and one that a recipe may add."""

from __future__ import annotations

import re

from fpframe.interfaces import Stratum

_OVERLAP = re.compile(r"overlap\((0|0?\.\d+|1|1\.0)\)")

_BUILT_IN = (
    Stratum(
        name="same-data",
        models="the victim's architecture and data, another seed",
        protects="a competitor who did the same work",
        data="victim",
    ),
    Stratum(
        name="disjoint-data",
        models="the victim's architecture, other images of the same problem",
        protects="a competitor with data of its own",
        data="thief",
    ),
    Stratum(
        name="other-architecture",
        models="the victim's data, other architectures",
        protects="a competitor with another design",
        data="victim",
    ),
    Stratum(
        name="other-teacher",
        models="extracted, with the thieves' recipes, from an independent model",
        protects="somebody who copied a model that is not the claimant's",
        made="taught",
        sources=("same-data", "other-architecture"),
    ),
    Stratum(
        name="thief-recipe",
        models="made like a thief's student, but from true labels",
        protects="somebody who augments images as thieves do",
        made="imitating",
    ),
    Stratum(
        name="attacked",
        models="independent models, fine-tuned, pruned or quantised",
        protects="somebody who compresses or adapts a model of their own",
        made="attacked",
        sources=("same-data", "other-architecture", "disjoint-data"),
    ),
)
#: Models that share something with the victim, or were made as thieves make theirs, by name, in the order of tables.
STRATA = {stratum.name: stratum for stratum in _BUILT_IN}
#: Models of strangers, that have nothing in common with the victim's but the problem.
WILD = Stratum(
    name="wild",
    models="trained by strangers, each with another architecture, other images and another training",
    protects="anybody who solves the same problem in a way of their own",
    made="drawn",
)
#: The strata that every verdict is expected to speak of; ``overlap(r)`` is one more for each fraction r.
BUILT_IN = {**STRATA, WILD.name: WILD}
#: The stratum without which no model of the victim's own architecture is trained.
SAME_ARCHITECTURE = "same-data"
#: Models that were fine-tuned from the public model which the victim was fine-tuned from: of a recipe for a victim
#: whose base is named, or the user's own, in a folder of this name.
_FINE_TUNED = Stratum(
    name="same-base",
    models="fine-tuned from the victim's public base, each in another way",
    protects="a competitor who began with the same public model",
    made="drawn",
)
SAME_BASE = _FINE_TUNED.name


def overlap_of(stratum: str) -> float | None:
    """Return the fraction r of a stratum ``overlap(r)``, and ``None`` for any other."""
    match = _OVERLAP.fullmatch(stratum)
    return float(match[1]) if match else None


def built_in_stratum(name: str) -> Stratum | None:
    """Return a stratum that needs no plugin, and ``None`` for any other name."""
    fraction = overlap_of(name)
    if name == SAME_BASE:
        return _FINE_TUNED
    if fraction is None:
        return BUILT_IN.get(name)
    return Stratum(
        name=name,
        models="the victim's architecture, and a part of the victim's images",
        protects="a competitor whose data partly come from the same source",
        data=f"overlap:{fraction:g}",
    )
