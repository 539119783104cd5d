"""`art`: classifiers of the Adversarial Robustness Toolbox, in memory."""

from __future__ import annotations

import importlib
import itertools
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, ClassVar

import attrs
import numpy as np
from torch import Tensor, nn

import fpframe
from fpframe.opening import function_query
from fpframe.rng import isolated
from fpframe_plugins.suspects._layout import laid_out


@attrs.frozen(kw_only=True)
class ArtClassifier(fpframe.SuspectSource):
    """Take classifiers of ART. Images are laid out as its ``input_shape`` says, in the range of its ``clip_values``."""

    name: ClassVar[str] = "art"
    objects: ClassVar[tuple[str, ...]] = ("art.ClassifierMixin",)

    def adapt(self, suspect: Any, request: fpframe.SuspectRequest) -> fpframe.Query:
        """Return access to a classifier.

        Raises:
            ModelError: it has other classes or takes other images.
        """
        if suspect.nb_classes != request.num_classes:
            raise fpframe.ModelError(
                f"the suspect tells {suspect.nb_classes} classes where the victim tells {request.num_classes} "
                f"({request.address}); say with --classes which of the victim's they are"
            )
        lay_out, (low, high) = _layout(suspect, request), _range(suspect, request)
        calls = itertools.count()

        def ask(pixels: Tensor) -> Any:
            images = lay_out(pixels.cpu()).numpy() * np.float32(high - low) + np.float32(low)
            with _as_found(suspect), isolated(next(calls)):  # loading its images draws a random number
                return suspect.predict(images, batch_size=len(images))

        query = function_query(ask, request)
        if (low, high) != (0, 1):
            query.notes = [f"The suspect got pixels from {low:g} to {high:g}, as its clip values say."]
        return query

    def example(self, folder: Path, model: fpframe.Classifier) -> fpframe.SuspectExample:
        """Return ART's wrapper of a model."""
        with isolated(0):  # importing it draws random numbers
            estimators = importlib.import_module("art.estimators.classification")
        suspect = estimators.PyTorchClassifier(
            model, loss=nn.CrossEntropyLoss(), input_shape=model.image_shape, nb_classes=model.num_classes,
            clip_values=(0.0, 1.0), device_type="cpu",
        )  # fmt: skip
        request = fpframe.SuspectRequest(
            address="PyTorchClassifier", num_classes=model.num_classes, image_shape=model.image_shape
        )
        return fpframe.SuspectExample(request=request, suspect=suspect)


def _layout(suspect: Any, request: fpframe.SuspectRequest) -> Callable[[Tensor], Tensor]:
    """Return what lays images out as a classifier takes them."""
    shape = tuple(suspect.input_shape)
    found = laid_out(request, shape)
    if found is None:
        raise fpframe.ModelError(
            f"the suspect takes images of shape {shape} where the queries have {request.prepared_shape} (channels, "
            f"height, width) ({request.address}); both must take the same images, or say what to do with them with "
            "--input, such as 'resize=224; rgb'"
        )
    return found


def _range(suspect: Any, request: fpframe.SuspectRequest) -> tuple[float, float]:
    """Return between which values a classifier takes its pixels."""
    if suspect.clip_values is None:
        return 0.0, 1.0
    low, high = (np.unique(np.asarray(value, dtype=float)) for value in suspect.clip_values)
    if len(low) != 1 or len(high) != 1 or not low[0] < high[0]:
        raise fpframe.ModelError(
            f"the clip values of the suspect differ between pixels ({request.address}); give a function from pixels "
            "from 0 to 1 to answers"
        )
    return float(low[0]), float(high[0])


def _as_found(suspect: Any) -> AbstractContextManager[None]:
    """Keep the modes of a network that ART would put into evaluation mode, and leave there."""
    network = getattr(suspect, "model", None)
    return fpframe.evaluating(network) if isinstance(network, nn.Module) else nullcontext()


@fpframe.hookimpl
def fpframe_components() -> list[type[fpframe.Component]]:
    """Offer the source."""
    return [ArtClassifier]
