"""`Wanted`: what a network wants of a file of weights, and what keeps given tensors from being that."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

import attrs
from torch import Tensor, nn

from fpframe.models import free_sizes
from fpframe.opening.checkpoints.pickled import printable

#: What tools leave in a state dict that no answer depends on: how many weights were averaged, how many operations and
#: parameters there are, and how many batches were seen.
_COUNTERS = frozenset({"n_averaged", "total_ops", "total_params", "num_batches_tracked"})

#: What brings images of some colours to those of a first layer, by their numbers.
_COLOURS = {(1, 3): "rgb", (3, 1): "grey"}


@attrs.frozen(kw_only=True)
class Wanted:
    """The tensors of a network.

    Attributes:
        who: what the network is called, for messages.
        tensors: by name, as the network holds them now.
        free: names of those that may have any size along each dimension.
        twins: by name, the other names of the same memory.
    """

    who: str
    tensors: Mapping[str, Tensor]
    free: Collection[str]
    twins: Mapping[str, Collection[str]]

    @classmethod
    def by(cls, network: nn.Module, who: str) -> Wanted:
        """Return what a network wants."""
        tensors = {name: value for name, value in network.state_dict().items() if isinstance(value, Tensor)}
        sharing: dict[tuple[object, ...], list[str]] = {}
        for name, value in tensors.items():
            if value.numel() and value.device.type != "meta":
                memory = (value.data_ptr(), value.shape, value.stride(), value.dtype)
                sharing.setdefault(memory, []).append(name)
        twins = {name: [other for other in names if other != name] for names in sharing.values() for name in names}
        return cls(who=who, tensors=tensors, free=free_sizes(network), twins=twins)

    @property
    def fewest(self) -> int:
        """How many names a file must have at least."""
        needed = [name for name in self.tensors if not is_counter(name)]
        return len({frozenset([name, *self.twins.get(name, ())]) for name in needed})

    def of(self, given: Mapping[str, Tensor]) -> dict[str, str]:
        """Return by name in the network which of the given names it takes: its own, or that of its twin.

        Counters of batches may be missing or of another shape; the network keeps its own then.
        """
        taken = {}
        for name, value in self.tensors.items():
            if name in given:
                if not is_counter(name) or given[name].shape == value.shape:
                    taken[name] = name
            elif twin := next((twin for twin in self.twins.get(name, ()) if twin in given), None):
                taken[name] = twin
        return taken

    def misfits(self, given: Mapping[str, Tensor]) -> list[str]:
        """Return what keeps tensors from fitting, one phrase each for missing, unexpected and misshaped."""
        taken = self.of(given)
        groups = {
            "missing ": [name for name in self.tensors if name not in taken and not is_counter(name)],
            # the format keeps no order, and a message should be the same every time
            "unexpected ": sorted(name for name in given if name not in self.tensors and not is_counter(name)),
            "": [
                f"{name} is {_describe(given[have])} where {_describe(self.tensors[name])} is expected"
                for name, have in taken.items()
                if not self.fits(name, given[have])
            ],
        }
        return [f"{label}{few(names)}" for label, names in groups.items() if names]

    def remedy(self, given: Mapping[str, Tensor]) -> str:
        """Return what to say where tensors would fit but for the colours or the number of classes; else nothing."""
        taken = self.of(given)
        if any(name not in taken and not is_counter(name) for name in self.tensors):
            return ""
        pairs = [(given[have], self.tensors[name]) for name, have in taken.items() if not self.fits(name, given[have])]
        sizes = {(tuple(own.shape[:2]), tuple(value.shape[:2])) for value, own in pairs}
        if len(pairs) == 1 and pairs[0][0].ndim == pairs[0][1].ndim == 4:
            ((own, has),) = sizes
            word = _COLOURS.get((own[1], has[1])) if own[0] == has[0] else None
            return f"if they take other colours than the queries have, say --input {word}" if word else ""
        first = {(own[0], has[0]) for own, has in sizes if own and has and own[1:] == has[1:]}
        if pairs and len(first) == 1 and all(value.ndim == own.ndim <= 2 for value, own in pairs):
            ((own_count, count),) = first
            return f"if they tell {count} classes in place of {own_count}, say with --classes which"
        return ""

    def fits(self, name: str, given: Tensor) -> bool:
        """Tell whether a tensor has the shape and the kind of numbers of the network's own."""
        value = self.tensors[name]
        if is_counter(name):
            return True
        like = given.ndim == value.ndim if name in self.free else given.shape == value.shape
        return like and (given.is_floating_point(), given.is_complex()) == (
            value.is_floating_point(),
            value.is_complex(),
        )


def is_counter(name: str) -> bool:
    """Tell whether a name is of something that no answer depends on."""
    return name.rpartition(".")[2] in _COUNTERS


def few(names: Iterable[str], most: int = 3) -> str:
    """Return the first names of a stranger, and how many more there are."""
    names = list(names)
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{', '.join(map(printable, names[:most]))}{more}"


def _describe(tensor: Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')} {tuple(tensor.shape)}"
