"""`open_suspect`: counted access to whatever the user calls a suspect, in memory or by address."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any, TypedDict, Unpack

import attrs
from torch import nn

from fpframe.base import Address, as_address
from fpframe.errors import ModelError, UsageError
from fpframe.interfaces import SuspectRequest
from fpframe.models import PLAIN, Outputs, Preparation, Query, as_preparation
from fpframe.opening.inprocess import function_query, module_query, refuse_backbone
from fpframe.opening.networks import build_for_weights
from fpframe.opening.sources import find_adapter, known_objects, needed_source
from fpframe.registry import Registry
from fpframe.spending import Terms

#: What cannot be changed of a query that is open; the size of its batches decides nothing.
_OF_OPENING = (
    *("backbone", "outputs", "read_output", "preparation", "mean", "std"),
    *("device", "max_queries", "checkpoint_key"),
)
#: What each option of opening is where nobody says anything.
_USUAL = {field.name: field.default for field in attrs.fields(SuspectRequest)}

#: What can be questioned: an address, an open `Query`, a network, a function from pixels to answers, or whatever object
#: a suspect source takes, such as a classifier of scikit-learn.
Suspect = object


class Opening(TypedDict, total=False):
    """How a suspect is opened; `open_suspect` explains each."""

    backbone: str | None
    outputs: Outputs
    preparation: Preparation | str | None
    mean: Iterable[float] | float | None
    std: Iterable[float] | float | None
    device: str
    batch_size: int
    max_queries: int | None
    trust_code: bool
    checkpoint_key: str | None
    read_output: str | None
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
            wrap around them; any other object that a suspect source takes; an open `Query`, which is returned as it
            is; or the address or path of a suspect, which a suspect source opens.
        registry: where suspect and backbone sources come from.
        num_classes: number of classes K that the suspect is expected to tell: the victim's, or those that were named.
            One whose own files name others tells these.
        image_shape: channels, height and width of the queries.
        classes: names of the classes, for a suspect that answers with names.

    Options:
        backbone: address of the architecture that bare weights belong to, such as ``timm:resnet18``; it is built as
            its library builds it, unless the address or a file of fpframe's own says otherwise.
        outputs: how answers are to be read; ``auto`` looks at the first ones.
        preparation: what happens to pixels before it takes them, as a `Preparation` or its text, such as
            ``resize=224,bicubic,antialias; rgb``.
        mean: per-channel mean to subtract from pixels, where `preparation` says none; a `Classifier` keeps its own
            unless mean, std or scale is given.
        std: per-channel standard deviation to divide pixels by.
        device: torch device to run it on.
        batch_size: images per call.
        max_queries: most images that it may be sent.
        trust_code: open also files whose author's code can run then, such as ``.pt2``.
        checkpoint_key: where in a file of weights those of the suspect lie, such as ``state_dict_ema``; needed only
            where several fit.
        read_output: which of several outputs of a file's network are its answers: the name, or the number counted from
            1; needed only where several may be.
        terms: how fast, and for how much money, a service may be asked, and where that is written down.

    Raises:
        UsageError: nothing opens such a suspect, or an option is missing, wrong or does not apply to it.
        ModelError: it is missing, damaged, or does not fit the victim's classes and images.
    """
    said: dict[str, Any] = dict(options)
    if isinstance(suspect, Query):
        return _opened(suspect, num_classes, said)
    preparation = Preparation.of(said.pop("preparation", None), mean=said.pop("mean", None), std=said.pop("std", None))
    prepared_shape = preparation.shape(image_shape)
    backbone = said.pop("backbone", None)
    request = SuspectRequest(
        address=_address(suspect),
        num_classes=num_classes,
        image_shape=image_shape,
        classes=classes,
        backbone=None
        if backbone is None
        else partial(build_for_weights, registry, backbone, _path(suspect), num_classes, prepared_shape, seed=0),
        preparation=preparation,
        **said,
    )
    if isinstance(suspect, str | Path):
        return needed_source(registry, request.address).open(request)
    refuse_backbone(request)
    source = find_adapter(registry, suspect)
    if source is not None:
        return source.adapt(suspect, request)
    if isinstance(suspect, nn.Module):
        return module_query(suspect, request)
    if callable(suspect):
        return function_query(suspect, request)
    raise UsageError(
        f"a suspect cannot be a {type(suspect).__name__}; give a torch.nn.Module, a function from pixels to "
        f"answers, the address of a file, or an object of {', '.join(known_objects(registry)) or 'no other class'}"
    )


def _opened(query: Query, num_classes: int, said: dict[str, Any]) -> Query:
    """Return a query that is open already, on which the options of opening have no effect."""
    idle = [name for name in _OF_OPENING if not _changes_nothing(name, said.get(name))]
    if idle:
        raise UsageError(
            f"{', '.join(repr(name) for name in idle)} cannot change a query that is already open "
            f"({query.address or 'suspect'}); set it where the query is made"
        )
    if query.num_classes != num_classes and not query.class_names:
        raise ModelError(
            f"the suspect tells {query.num_classes} classes where the victim tells {num_classes} "
            f"({query.address or 'suspect'}); say with --classes which of the victim's they are"
        )
    return query


def _changes_nothing(option: str, value: object) -> bool:
    if option == "preparation":
        return as_preparation(value) == PLAIN  # type: ignore[arg-type]  # as it was said
    return value is None or value == _USUAL.get(option)


def _address(suspect: object) -> str:
    if isinstance(suspect, str | Path):
        return as_address(suspect)
    own = getattr(suspect, "address", "")
    named = getattr(suspect, "__qualname__", type(suspect).__name__)
    return own if isinstance(own, str) and own else str(named)


def _path(suspect: object) -> Path | None:
    """Return where the weights of a suspect may lie; what fpframe wrote there says which network they belong to."""
    return Path(suspect) if isinstance(suspect, str | Path) and not Address.parse(as_address(suspect)).prefix else None
