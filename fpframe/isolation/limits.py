"""`Limits`: what a suspect may use."""

from __future__ import annotations

from typing import Self

import attrs

from fpframe.isolation.memory import machine_memory
from fpframe.parameters import number, whole

#: Seconds in which a suspect usually has to be opened, or to answer one batch; and how many times that it has in all.
USUAL_SECONDS = 300.0
IN_ALL = 24


@attrs.frozen(kw_only=True)
class Limits:
    """What a suspect may use, wherever it runs. The default is no limit.

    Attributes:
        batch_seconds: most seconds that it may take to be opened, or to answer one batch.
        total_seconds: most seconds that it may take in all.
        memory_bytes: most memory.
        network: whether it may use the network.
        variables: names of the environment variables that it sees besides those that hold no secrets, such as PATH;
            ``None`` for all.
    """

    batch_seconds: float | None = attrs.field(default=None, validator=number(low=0, open_low=True, optional=True))
    total_seconds: float | None = attrs.field(default=None, validator=number(low=0, open_low=True, optional=True))
    memory_bytes: int | None = attrs.field(default=None, validator=whole(low=1, optional=True))
    network: bool = True
    variables: tuple[str, ...] | None = None

    @classmethod
    def usual(
        cls,
        *,
        batch_seconds: float = USUAL_SECONDS,
        memory_bytes: int | None = None,
        network: bool = False,
        variables: tuple[str, ...] = (),
    ) -> Self:
        """Return the limits that suspects are held to where nobody says others: half of the machine's memory, say."""
        return cls(
            batch_seconds=batch_seconds,
            total_seconds=IN_ALL * batch_seconds,
            memory_bytes=machine_memory() // 2 if memory_bytes is None else memory_bytes,
            network=network,
            variables=variables,
        )

    @property
    def given(self) -> frozenset[str]:
        """The names of the limits that are not the default."""
        return frozenset(field.name for field in attrs.fields(Limits) if getattr(self, field.name) != field.default)
