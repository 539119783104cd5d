"""How the names of tensors are spelled, and which part of them says only where they lay."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

#: What `torch.compile`, FSDP, activation checkpointing, Opacus and Fabric put into names, anywhere.
_INSERTED = frozenset({"_orig_mod", "_module", "_fsdp_wrapped_module", "_checkpoint_wrapped_module", "_forward_module"})
#: What `DataParallel` puts around a part of a network; at the beginning of names it is a prefix like others.
_PARALLEL = "module"
#: Of which words the names of containers and wrappers are made that hold a model and nothing else.
_MODELS = {"state", "dict", "model", "net", "network", "weights", "params", "parameters", "backbone", "classifier"}
_WRAPPERS = {"module", "orig", "mod", "fsdp", "wrapped", "forward", "checkpoint", "ckpt", "best"}
#: The words that say that weights were averaged.
_AVERAGES = {"ema", "swa", "avg", "average", "averaged", "shadow"}


def spellings(names: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """Yield ways to spell names, the plainest first: as they are, and without what wrappers have inserted.

    Args:
        names: by full name, the mapping that it lies in.
    """
    seen: list[dict[str, str]] = []
    for inserted in (frozenset[str](), _INSERTED, _INSERTED | {_PARALLEL}):
        spelled = {_without(name, group, inserted): name for name, group in names.items()}
        if len(spelled) == len(names) and spelled not in seen:
            seen.append(spelled)
            yield spelled


def _without(name: str, group: str, inserted: frozenset[str]) -> str:
    start = f"{group}." if group else ""
    first, *rest = name.removeprefix(start).split(".")
    kept = [] if first in inserted and first != _PARALLEL else [first]
    return start + ".".join([*kept, *(part for part in rest if part not in inserted)])


def is_plain(prefix: str) -> bool:
    """Tell whether a prefix names nothing but containers and wrappers of the model."""
    return all(_words(part) <= _MODELS | _WRAPPERS | _AVERAGES for part in _parts(prefix))


def is_average(prefix: str) -> bool:
    """Tell whether a prefix says that weights were averaged while they were trained."""
    return any(_words(part) & _AVERAGES for part in _parts(prefix))


def _parts(prefix: str) -> list[str]:
    return [part for part in prefix.split(".") if part]


def _words(part: str) -> set[str]:
    return {word for word in part.lower().split("_") if word}
