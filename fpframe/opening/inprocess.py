"""Suspects that run in this process: turn a network or a function into a `Query`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import torch
from torch import Tensor, nn

from fpframe.errors import ModelError, UsageError, first_line
from fpframe.interfaces import SuspectRequest
from fpframe.models import (
    PLAIN,
    AnswerReader,
    Classifier,
    Outputs,
    Preparation,
    Query,
    asked_at_once,
    copied,
    evaluating,
    state_digest,
)
from fpframe.opening.ownnames import own_class_names, with_own_classes
from fpframe.opening.saved import is_from_source, opening_notes


def module_query(module: nn.Module, request: SuspectRequest) -> Query:
    """Return access to a network from pixels ``(N, C, H, W)`` to logits ``(N, K)``, or to other answers.

    It is asked in evaluation mode and without gradients, and left as found: where it lies on another device,
    a copy is asked. A network in half precision gets its pixels in half precision.

    Raises:
        UsageError: there is no such device.
        ModelError: it is a `Classifier` for other classes or images.
    """
    _refuse_output(request)
    device = open_device(request.device)
    given = module
    request, names = with_own_classes(request, own_class_names(module))
    front, whole = request.preparation, request.preparation
    if isinstance(module, Classifier):
        _check_fit(module, request)
        module, front, whole = _as_asked(module, request)
    digest = state_digest(module.module if isinstance(module, Classifier) else module)
    elsewhere = any(tensor.device != device for tensor in [*module.parameters(), *module.buffers()])
    network = copied(module).to(device) if elsewhere else module
    floats = {weight.dtype for weight in network.parameters() if weight.is_floating_point()}
    dtype = floats.pop() if len(floats) == 1 else torch.float32
    prepare = normaliser(attrs.evolve(request, preparation=front)).to(device)

    def ask(pixels: Tensor) -> Any:
        with evaluating(network):
            return network(prepare(pixels.to(device)).to(dtype))

    few = min(request.batch_size, asked_at_once(front.shape(request.image_shape)))
    query = open_query(
        ask, attrs.evolve(request, batch_size=few), digest=digest, usual="logits" if _of_a_library(given) else None
    )
    query.class_names, query.network, query.preparation = names, given, str(whole)
    if isinstance(given, Classifier):
        prepared = request.preparation.normalises
        query.architecture, query.notes = given.architecture, opening_notes(given, whose="suspect", prepared=prepared)
    return query


def _of_a_library(network: nn.Module) -> bool:
    """Tell whether a network is one of an architecture that somebody published, and these end in logits.

    Some of them end in a ReLU, so that no logit is negative; what a user's own code ends in is not known.
    """
    return isinstance(network, Classifier) and is_from_source(network.address)


def function_query(function: Callable[[Tensor], Any], request: SuspectRequest) -> Query:
    """Return access to a function from pixels ``(N, C, H, W)`` to answers, as tensors, arrays, lists or dicts.

    Raises:
        UsageError: there is no such device.
    """
    _refuse_output(request)
    device = open_device(request.device)
    request, names = with_own_classes(request, own_class_names(function))
    prepare = normaliser(request).to(device)

    def ask(pixels: Tensor) -> Any:
        return function(prepare(pixels.to(device)))

    query = open_query(ask, request)
    query.class_names = names
    return query


def _refuse_output(request: SuspectRequest) -> None:
    if request.read_output is not None:
        raise UsageError(
            f"'{request.read_output}' does not name an output ({request.address}): only exported networks have outputs "
            "with names; give a function that returns the answers alone"
        )


def open_query(
    ask: Callable[[Tensor], Any],
    request: SuspectRequest,
    *,
    outputs: Outputs | None = None,
    digest: str = "",
    usual: Outputs | None = None,
) -> Query:
    """Return a `Query` with everything that the request says; `outputs` goes before the request's.

    `usual` says what models of its sort answer with, which settles what the answers leave open.
    """
    outputs = request.outputs if outputs is None else outputs
    query = Query(
        ask,
        num_classes=request.num_classes,
        outputs=outputs,
        batch_size=request.batch_size,
        max_queries=request.max_queries,
        address=request.address,
        digest=digest,
        classes=request.classes,
        reader=AnswerReader(outputs, request.num_classes, request.classes, usual=usual),
    )
    query.preparation = str(request.preparation)
    return query


def open_device(name: str) -> torch.device:
    """Return the torch device called `name`.

    Raises:
        UsageError: there is no such device on this machine.
    """
    try:
        # a tensor that goes there and back finds out whether the device exists; it also tells its full name
        device = torch.zeros(1, device=name).device
        torch.zeros(1, device=device).cpu()
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise UsageError(f"device '{name}' cannot be used: {first_line(error)}; use cpu") from error
    return device


def normaliser(request: SuspectRequest) -> Classifier:
    """Return the network that prepares pixels ``(N, C, H, W)`` in [0, 1] as the request says."""
    return Classifier(
        nn.Identity(),
        num_classes=request.num_classes,
        image_shape=request.image_shape,
        preparation=request.preparation,
    )


def refuse_backbone(request: SuspectRequest) -> None:
    """Refuse a backbone for a suspect that brings its own architecture.

    Raises:
        UsageError: a backbone was named.
    """
    if request.backbone is not None:
        raise UsageError(
            f"a backbone does not apply to a suspect that brings its own architecture ({request.address}); "
            "leave --backbone out"
        )


def _as_asked(model: Classifier, request: SuspectRequest) -> tuple[nn.Module, Preparation, Preparation]:
    """Return the network that is asked, how images are prepared before it, and how in all, with what it does itself.

    A classifier keeps its own preparation, unless the request says by what pixels are subtracted or divided.

    Raises:
        UsageError: both say how images are brought to size.
    """
    said, own = request.preparation, model.preparation
    if said.geometry != PLAIN and own.geometry != PLAIN:
        raise UsageError(
            f"the network prepares images itself ({own}), and '{said}' was said ({request.address}); say what it does "
            "not do"
        )
    shaping = said if own.geometry == PLAIN else own
    if not said.normalises:
        return model, said, attrs.evolve(shaping, scale=own.scale, mean=own.mean, std=own.std)
    whole = attrs.evolve(shaping, scale=said.scale, mean=said.mean, std=said.std)
    return model.module, whole, whole


def _check_fit(model: Classifier, request: SuspectRequest) -> None:
    if model.num_classes != request.num_classes:
        raise ModelError(
            f"the suspect tells {model.num_classes} classes where the victim tells {request.num_classes} "
            f"({request.address}); say with --classes which of the victim's they are"
        )
    if model.image_shape != request.prepared_shape:
        raise ModelError(
            f"the suspect takes images of shape {model.image_shape} (channels, height, width) where the "
            f"queries have {request.prepared_shape} ({request.address}); both must take the "
            "same images, or say how they are prepared, as in --input 'resize=224; rgb'"
        )
