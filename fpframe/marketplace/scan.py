"""`Scan`: how many suspects are looked at, in which way, and for how much."""

from __future__ import annotations

import attrs

from fpframe.errors import UsageError
from fpframe.parameters import number, whole


@attrs.frozen(kw_only=True)
class Scan:
    """A scan of a marketplace.

    Attributes:
        suspects: models that are looked at.
        derived: how many of them are made from the victim.
        first_views: views of the query set that the first of two stages asks.
        screen: the p-value that a suspect may have after these, to be asked all of it.
        price: of a thousand queries, in any currency.
        repeats: simulations.
        seed: decides every draw.

    Raises:
        UsageError: there are more thieves than suspects.
        ParameterError: a number is out of range.
    """

    suspects: int = attrs.field(default=1_000_000, validator=whole(low=1, high=10**12))
    derived: int = attrs.field(default=20, validator=whole(low=0))
    first_views: int = attrs.field(default=1, validator=whole(low=1))
    screen: float = attrs.field(default=0.2, validator=number(low=0, high=1, open_low=True))
    price: float = attrs.field(default=0.0, validator=number(low=0))
    repeats: int = attrs.field(default=1000, validator=whole(low=2, high=10**6))
    seed: int = 0

    def __attrs_post_init__(self) -> None:
        if self.derived > self.suspects:
            raise UsageError(f"of {self.suspects} suspects {self.derived} cannot be made from the victim; take fewer")

    def cost(self, queries: float) -> float:
        """Return the price of so many queries."""
        return self.price * queries / 1000
