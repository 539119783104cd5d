"""Options of commands that open strangers' models: what each may use in its process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import attrs
from cyclopts import Group, Parameter

from fpframe.cli.options import Flag

if TYPE_CHECKING:
    from fpframe.isolation import Limits

#: Seconds for one batch; it stands here too, for help imports nothing that knows PyTorch.
TIMEOUT = 300.0
_GIB = 1024**3


@Parameter(name="*", group=Group("Limits", sort_key=4))
@attrs.frozen(kw_only=True)
class LimitOptions:
    """What a suspect may use in the process that it is opened and asked in.

    Attributes:
        timeout: Seconds that a model may take to be opened, or to answer one batch; 24 times as many in all.
        memory: Memory in GiB that a model may use; half of the machine's by default.
    """

    timeout: float = TIMEOUT
    memory: float | None = None

    def limits(self, *, network: bool = False, variables: tuple[str, ...] = ()) -> Limits:
        """Return the limits.

        Raises:
            UsageError: a number is not above zero.
        """
        from fpframe.errors import UsageError
        from fpframe.isolation import Limits

        if not self.timeout > 0:
            raise UsageError(f"--timeout must be above 0 (got {self.timeout:g})")
        if self.memory is not None and not self.memory * _GIB >= 1:
            raise UsageError(f"--memory must be above 0 (got {self.memory:g})")
        return Limits.usual(
            batch_seconds=self.timeout,
            memory_bytes=None if self.memory is None else int(self.memory * _GIB),
            network=network,
            variables=variables,
        )


@Parameter(name="*", group=Group("Limits", sort_key=4))
@attrs.frozen(kw_only=True)
class ProcessOptions(LimitOptions):
    """What a suspect may use in the process that it is opened and asked in, and reach from there.

    Attributes:
        allow_network: Let suspects use the network; otherwise only kinds of suspects that are remote services do.
        env: Name of an environment variable that suspects may see, such as a key; may be repeated.
    """

    allow_network: Flag = False
    env: Annotated[tuple[str, ...], Parameter(negative=(), show_default=False)] = ()

    def given(self) -> Limits:
        """Return the limits."""
        return self.limits(network=self.allow_network, variables=self.env)
