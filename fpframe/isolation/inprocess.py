"""`InProcess`: suspects are opened and asked in this process, with all that it may do."""

from __future__ import annotations

import attrs
from torch import Tensor

from fpframe.isolation.border import Answers, Facts, answer
from fpframe.isolation.failure import Failure
from fpframe.isolation.interface import Isolation
from fpframe.isolation.request import OpeningRequest
from fpframe.models import Query
from fpframe.opening import find_service


@attrs.frozen(eq=False)
class Here:
    """A suspect of this process."""

    query: Query

    @property
    def facts(self) -> Facts:
        """What is known of it."""
        return Facts.of(self.query)

    def ask(self, pixels: Tensor) -> Answers | Failure:
        """Return its answers to one batch."""
        return answer(self.query, pixels)


class InProcess(Isolation):
    """Open and ask suspects in this process. It holds them to no limit, and one that ends the process ends the run."""

    def start(self, address: str, request: OpeningRequest) -> Here | Failure:
        """Open the suspect at an address."""
        try:
            if find_service(self.registry, address) is None:
                request = attrs.evolve(request, max_queries=None)  # whoever asks counts
            return Here(request.open(address, self.registry))
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            return Failure.of(error, "refused", address=address)

    def close(self) -> None:
        """Do nothing, for nothing was started."""
