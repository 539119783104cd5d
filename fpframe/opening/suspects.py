"""`open_suspect`: counted access to whatever the user calls a suspect, in memory or by address."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, TypedDict, Unpack

import attrs
from torch import Tensor, nn

from fpframe.base import Address
from fpframe.errors import ModelError, PluginError, UsageError
from fpframe.interfaces import SuspectRequest, SuspectSource
from fpframe.models import Outputs, Query
from fpframe.opening.checkpoints import kind_of
from fpframe.opening.inprocess import function_query, module_query, refuse_backbone
from fpframe.opening.networks import build_for_weights
from fpframe.opening.perchannel import per_channel
from fpframe.registry import Registry
from fpframe.spending import Terms

#: What cannot be changed of a query that is open; the size of its batches decides nothing.
_OF_OPENING = ("backbone", "outputs", "mean", "std", "device", "max_queries", "checkpoint_key")

#: What can be questioned: a network, a function from pixels to answers, an open query, or an address.
Suspect = nn.Module | Callable[[Tensor], Any] | Query | str | Path


class Opening(TypedDict, total=False):
    """How a suspect is opened; `open_suspect` explains each."""

    backbone: str | None
    outputs: Outputs
    mean: Iterable[float] | float | None
    std: Iterable[float] | float | None
    device: str
    batch_size: int
    max_queries: int | None
    trust_code: bool
    checkpoint_key: str | None
    terms: Terms


def open_suspect(
    suspect: Suspect,
    *,
    registry: Registry,
    num_classes: int,
    image_shape: tuple[int, int, int],
    classes: tuple[str, ...] = (),
    **options: Unpack[Opening],
) -> Query:
    """Return counted black-box access to a suspect. Nothing is asked yet.

    Args:
        suspect: a network from pixels ``(N, C, H, W)`` in [0, 1] to logits ``(N, K)`` or other answers; a function
            from pixels to probabilities, logits, labels or other answers, as tensors, arrays, lists or what libraries
            wrap around them; an open `Query`, which is returned as it is; or the address or path of a suspect, which a
            suspect source opens.
        registry: where suspect and backbone sources come from.
        num_classes: number of classes K that the suspect is expected to tell: the victim's, or those that were named.
            One whose own files name others tells these.
        image_shape: channels, height and width of the queries.
        classes: names of the classes, for a suspect that answers with names.

    Options:
        backbone: address of the architecture that bare weights belong to, such as ``timm:resnet18``; it is built as
            its library builds it, unless the address or a file of fpframe's own says otherwise.
        outputs: how answers are to be read; ``auto`` looks at the first ones.
        mean: per-channel mean to subtract from pixels; a `Classifier` keeps its own unless this is given.
        std: per-channel standard deviation to divide pixels by.
        device: torch device to run it on.
        batch_size: images per call.
        max_queries: most images that it may be sent.
        trust_code: open also files whose author's code can run then, such as ``.pt2``.
        checkpoint_key: where in a file of weights those of the suspect lie, such as ``state_dict_ema``; needed only
            where several fit.
        terms: how fast, and for how much money, a service may be asked, and where that is written down.

    Raises:
        UsageError: nothing opens such a suspect, or an option is missing, wrong or does not apply to it.
        ModelError: it is missing, damaged, or does not fit the victim's classes and images.
    """
    said: dict[str, Any] = dict(options)
    backbone = said.pop("backbone", None)
    request = SuspectRequest(
        address=_address(suspect),
        num_classes=num_classes,
        image_shape=image_shape,
        classes=classes,
        backbone=None
        if backbone is None
        else partial(build_for_weights, registry, backbone, _path(suspect), num_classes, image_shape, seed=0),
        mean=per_channel(said.pop("mean", None)),
        std=per_channel(said.pop("std", None)),
        **said,
    )
    if isinstance(suspect, Query):
        return _opened(suspect, request)
    if isinstance(suspect, str | Path):
        return _source(registry, request.address).open(request)
    refuse_backbone(request)
    if isinstance(suspect, nn.Module):
        return module_query(suspect, request)
    if callable(suspect):
        return function_query(suspect, request)
    raise UsageError(
        f"a suspect cannot be a {type(suspect).__name__}; give a torch.nn.Module, a function from pixels to "
        "answers, or the address of a file"
    )


def _opened(query: Query, request: SuspectRequest) -> Query:
    """Return a query that is open already, on which the options of opening have no effect."""
    fields = (field for field in attrs.fields(SuspectRequest) if field.name in _OF_OPENING)
    idle = [field.name for field in fields if getattr(request, field.name) != field.default]
    if idle:
        raise UsageError(
            f"{', '.join(repr(name) for name in idle)} cannot change a query that is already open "
            f"({query.address or 'suspect'}); set it where the query is made"
        )
    if query.num_classes != request.num_classes and not query.class_names:
        raise ModelError(
            f"the suspect tells {query.num_classes} classes where the victim tells {request.num_classes} "
            f"({query.address or 'suspect'}); say with --classes which of the victim's they are"
        )
    return query


def _address(suspect: object) -> str:
    if isinstance(suspect, str | Path):
        return str(suspect)
    own = getattr(suspect, "address", "")
    named = getattr(suspect, "__qualname__", type(suspect).__name__)
    return own if isinstance(own, str) and own else str(named)


def _path(suspect: object) -> Path | None:
    """Return where the weights of a suspect may lie; what fpframe wrote there says which network they belong to."""
    return Path(suspect) if isinstance(suspect, str | Path) and not Address.parse(str(suspect)).prefix else None


def find_source(registry: Registry, address: str) -> SuspectSource | None:
    """Return the suspect source that opens an address, of those that work; ``None`` where none does."""
    return next((source for source in _sources(registry, []) if source.matches(address)), None)


def find_service(registry: Registry, address: str) -> SuspectSource | None:
    """Return the suspect source that opens an address, where that is one of services; ``None`` for anything else.

    Addresses without a prefix are paths, for which no plugin is imported.
    """
    prefix = Address.parse(address).prefix
    if not prefix:
        return None
    if prefix in registry.names(SuspectSource.kind):
        try:
            source: SuspectSource | None = registry.build(SuspectSource, prefix)
        except PluginError:
            return None  # it is told where the suspect is opened
    else:
        source = find_source(registry, address)
    return source if source is not None and source.needs_network and source.matches(address) else None


def known_forms(registry: Registry, *, files: bool) -> str:
    """Return, for messages, what suspects look like, or only those that are files, and which plugins do not work."""
    broken = [f"plugin {info.label} failed: {info.error}" for info in registry.plugins if info.error]
    forms = [form for source in _sources(registry, broken) for form in source.forms]
    told = [form for form in forms if not files or not Address.parse(form).prefix]
    return "; ".join([*([f"known forms: {', '.join(told)}"] if told else []), *broken])


def _source(registry: Registry, address: str) -> SuspectSource:
    source = find_source(registry, address)
    if source is not None:
        return source
    prefix = Address.parse(address).prefix
    what = f"no suspect source knows the prefix '{prefix}'" if prefix else "no suspect source opens this file"
    kind = "" if prefix else kind_of(Path(address))
    raise UsageError("; ".join(filter(None, [f"{what} ({address})", kind, known_forms(registry, files=False)])))


def _sources(registry: Registry, broken: list[str]) -> Iterator[SuspectSource]:
    """Yield the suspect sources one by one, for each may import a plugin; `broken` gets why others do not work."""
    for name in registry.names(SuspectSource.kind):
        try:
            yield registry.build(SuspectSource, name)
        except PluginError as error:
            broken.append(str(error))
