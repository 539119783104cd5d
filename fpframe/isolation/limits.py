"""`Limits`: what a suspect may use."""

from __future__ import annotations

import attrs

from fpframe.parameters import number, whole


@attrs.frozen(kw_only=True)
class Limits:
    """What a suspect may use, wherever it runs. The default is no limit.

    Attributes:
        batch_seconds: most seconds that it may take to be opened, or to answer one batch.
        total_seconds: most seconds that it may take in all.
        memory_bytes: most memory.
        network: whether it may use the network.
        variables: names of the environment variables that it sees, so that no secret is among them; ``None`` for all.
    """

    batch_seconds: float | None = attrs.field(default=None, validator=number(low=0, open_low=True, optional=True))
    total_seconds: float | None = attrs.field(default=None, validator=number(low=0, open_low=True, optional=True))
    memory_bytes: int | None = attrs.field(default=None, validator=whole(low=1, optional=True))
    network: bool = True
    variables: tuple[str, ...] | None = None

    @property
    def given(self) -> frozenset[str]:
        """The names of the limits that are not the default."""
        return frozenset(field.name for field in attrs.fields(Limits) if getattr(self, field.name) != field.default)
