"""`Corroboration`: how like the weights of a suspect are to the victim's, beside those of independent models."""

from __future__ import annotations

import math
from typing import Any

import attrs

from fpframe.base import without_nan
from fpframe.corroboration.remarks import Remark
from fpframe.decision import StratumResult

#: Written in JSON, and raised when what is in it changes its meaning.
FORMAT = 1


@attrs.frozen(kw_only=True)
class ComparedLayer:
    """One layer of the victim and of the suspect.

    Attributes:
        name: what the victim calls it.
        found: how it was found in the suspect's file: ``name``, ``shape`` or ``assignment``.
        suspect_name: what its weights are called there.
        shape: of the weights.
        cosine: of the weights of both, once channels are in one order and scale; of their changes with a base.
        equal: share of weights that are equal up to the precision of bfloat16.
        independents: the cosines of the independent models.
    """

    name: str
    found: str
    suspect_name: str
    shape: tuple[int, ...]
    cosine: float
    equal: float
    independents: tuple[float, ...]


@attrs.frozen(kw_only=True)
class ComparedModel:
    """An independent model.

    Attributes:
        name: of its file.
        family: models of one family share an origin.
        likeness: to the victim: the mean of the cosines of all layers.
        in_place: share of its channels that stand where they stand in the victim.
    """

    name: str
    family: str
    likeness: float
    in_place: float


@attrs.frozen(kw_only=True)
class Corroboration:
    """What the weights of a suspect's file say, apart from any verdict by answers.

    Attributes:
        victim: its address and digest.
        suspect: its address and digest.
        base: address and digest of the public model that changes were compared from; ``None`` without one.
        not_comparable: why the two cannot be compared; empty where they can.
        likeness: mean of the cosines of all layers; NaN where there is none.
        in_place: share of the suspect's channels that stand where they stand in the victim.
        result: what the independent models say of the likeness, as a stratum of a verdict does; ``None`` without one.
        layers: the layers that were compared.
        independents: the models that were compared with.
        remarks: what should be known.
        origin_known: whether the victim began with random weights, or the base is given. Otherwise models that began
            with the same public model were not considered.
    """

    victim: dict[str, str]
    suspect: dict[str, str]
    base: dict[str, str] | None = None
    not_comparable: str = ""
    likeness: float = math.nan
    in_place: float = math.nan
    result: StratumResult | None = None
    layers: tuple[ComparedLayer, ...] = ()
    independents: tuple[ComparedModel, ...] = ()
    remarks: tuple[Remark, ...] = ()
    origin_known: bool = False

    @property
    def p_value(self) -> float:
        """The p-value by these independent models; that of a verdict does not change."""
        return math.nan if self.result is None else self.result.p

    @property
    def sentence(self) -> str:
        """What was found, in a sentence or two."""
        if self.result is None:
            return f"The weights cannot be compared: {self.not_comparable}."
        what = "changes from the base are" if self.base else "weights are"
        count, above = self.result.n, self.result.at_least
        if above == 0:
            than = f"more like the victim's than those of all {count} independent models of this architecture"
        else:
            than = f"no more like the victim's than those of {above} of {count} independent models of this architecture"
        said = f"The suspect's {what} {than} (likeness {self.likeness:.3f}, p = {self.p_value:.3g})."
        return (
            said
            if self.origin_known
            else f"{said} No model was considered that began with a public model of the victim's."
        )

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON-able data; numbers that there are none of are ``None``."""
        found = {
            "format": FORMAT,
            "victim": self.victim,
            "suspect": self.suspect,
            "base": self.base,
            "comparable": self.result is not None,
            "not_comparable": self.not_comparable,
            "sentence": self.sentence,
            "origin_known": self.origin_known,
            "likeness": self.likeness,
            "in_place": self.in_place,
            "p_value": self.p_value,
            "result": None if self.result is None else attrs.asdict(self.result),
            "layers": [attrs.asdict(layer) for layer in self.layers],
            "independents": [attrs.asdict(model) for model in self.independents],
            "remarks": [remark.to_dict() for remark in self.remarks],
        }
        plain: dict[str, Any] = without_nan(found)
        return plain
