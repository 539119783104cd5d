"""`Beginning`: what a network's first layers made of images, for as long as nobody changes them."""

from __future__ import annotations

from collections.abc import Mapping

import attrs
from torch import Tensor, nn

from fpframe.base import tensors_digest
from fpframe.models.frozen import Body


@attrs.frozen(kw_only=True, eq=False)
class Beginning:
    """The first layers of a network all of whose weights may be changed, as they were when it was thawed.

    Attributes:
        body: these layers, and what they made of images.
        digests: of each weight then, by name.
    """

    body: Body
    digests: Mapping[str, str]

    @classmethod
    def of(cls, module: nn.Module, body: Body) -> Beginning:
        """Remember what a network is like now."""
        return cls(body=body, digests=_digests(module))

    def is_whole(self, module: nn.Module, layer: nn.Module) -> bool:
        """Tell whether nothing of a network has been changed but one layer of it."""
        own = {id(value) for value in layer.state_dict(keep_vars=True).values()}
        state = module.state_dict(keep_vars=True).items()
        its = {name for name, value in state if id(value) in own}
        now = _digests(module)
        # a name that is gone counts too: its layer was taken out
        return all(now.get(name) == self.digests.get(name) for name in {*now, *self.digests} - its)


def _digests(module: nn.Module) -> dict[str, str]:
    state = module.state_dict().items()
    return {name: tensors_digest({name: value}) for name, value in state if isinstance(value, Tensor)}
