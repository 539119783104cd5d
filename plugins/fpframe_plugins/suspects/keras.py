"""`keras`: models of Keras in memory, whatever computes for it."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import attrs
import torch
from torch import Tensor

import fpframe
from fpframe.opening import as_input, function_query, in_chunks
from fpframe.rng import isolated
from fpframe_plugins.suspects._layout import laid_out


@attrs.frozen(kw_only=True)
class KerasModel(fpframe.SuspectSource):
    """Take models of Keras with one input, images with channels last unless the model or Keras says otherwise.

    Pixels are from 0 to 1; a model for other ones says so by a layer of its own, or you do with a mean and a standard
    deviation.
    """

    name: ClassVar[str] = "keras"
    objects: ClassVar[tuple[str, ...]] = ("keras.Model", "tf_keras.Model")

    def adapt(self, suspect: Any, request: fpframe.SuspectRequest) -> fpframe.Query:
        """Return access to a model.

        Raises:
            ModelError: it takes other images, or several inputs.
        """
        lay_out, dtype, batch = _takes(suspect, request)

        def ask(pixels: Tensor) -> Tensor:
            images = lay_out(as_input(pixels.cpu(), dtype)).contiguous()
            return torch.as_tensor(suspect.predict_on_batch(images.numpy()))

        return function_query(ask if batch is None else in_chunks(ask, batch), request)

    def example(self, folder: Path, model: fpframe.Classifier) -> fpframe.SuspectExample:
        """Return a layer with the weights of a model."""
        with isolated(0):
            keras = importlib.import_module("keras")
        layers = keras.layers
        weight = model.module[-1].weight.detach()  # type: ignore[index]  # what it ends in
        inputs = keras.Input(model.image_shape)
        suspect = keras.Model(
            inputs, layers.Dense(len(weight), use_bias=False, name="head")(layers.Reshape((weight.shape[1],))(inputs))
        )
        suspect.get_layer("head").set_weights([weight.T.numpy()])
        request = fpframe.SuspectRequest(address="Keras", num_classes=model.num_classes, image_shape=model.image_shape)
        return fpframe.SuspectExample(request=request, suspect=suspect)


def _takes(suspect: Any, request: fpframe.SuspectRequest) -> tuple[Callable[[Tensor], Tensor], torch.dtype, int | None]:
    """Return what lays images out for a model, the element type that it wants, and its batch size where it is fixed."""
    shape = getattr(suspect, "input_shape", None)
    if isinstance(shape, dict) or (shape and isinstance(shape[0], tuple | list)):
        raise fpframe.ModelError(
            f"the suspect takes {len(shape)} inputs where one batch of images is asked ({request.address}); give a "
            "function from pixels to answers"
        )
    inputs = getattr(suspect, "inputs", None) or []
    dtype = torch.uint8 if inputs and "uint8" in str(inputs[0].dtype) else torch.float32
    batch, *size = shape or (None, None, None, None)
    lay_out = laid_out(request, size, last=_usual_layout(suspect) == "channels_last")
    if lay_out is None:
        raise fpframe.ModelError(
            f"the suspect takes images of shape {tuple(size)} where the queries have {request.prepared_shape} "
            f"(channels, height, width) ({request.address}); both must take the same images, or say what to do with "
            "them with --input, such as 'resize=224; rgb'"
        )
    return lay_out, dtype, batch


def _usual_layout(suspect: Any) -> str:
    """Return the layout in which Keras takes images where a model does not say."""
    library = sys.modules[next(c.__module__ for c in type(suspect).__mro__ if c.__name__ == "Model").partition(".")[0]]
    layout: str = library.backend.image_data_format()
    return layout


@fpframe.hookimpl
def fpframe_components() -> list[type[fpframe.Component]]:
    """Offer the source."""
    return [KerasModel]
