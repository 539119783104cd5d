"""`keras`: models of Keras in memory, whatever computes for it."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any, ClassVar

import attrs
import torch
from torch import Tensor

import fpframe
from fpframe.opening import as_input, check_input, function_query, in_chunks
from fpframe.rng import isolated

_LAST = "channels_last"


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
        last, dtype, batch = _takes(suspect, request)

        def ask(pixels: Tensor) -> Tensor:
            images = as_input(pixels.cpu(), dtype)
            laid_out = images.permute(0, 2, 3, 1).contiguous() if last else images
            return torch.as_tensor(suspect.predict_on_batch(laid_out.numpy()))

        return function_query(ask if batch is None else in_chunks(ask, batch), request)

    def example(self, folder: Path, model: fpframe.Classifier) -> fpframe.SuspectExample:
        """Return a layer with the weights of a model."""
        with isolated(0):
            keras = importlib.import_module("keras")
        layers = keras.layers
        weight = model.module[-1].weight.detach()  # type: ignore[index,union-attr]  # what it ends in
        inputs = keras.Input(model.image_shape)
        suspect = keras.Model(
            inputs, layers.Dense(len(weight), use_bias=False, name="head")(layers.Reshape((weight.shape[1],))(inputs))
        )
        suspect.get_layer("head").set_weights([weight.T.numpy()])
        request = fpframe.SuspectRequest(address="Keras", num_classes=model.num_classes, image_shape=model.image_shape)
        return fpframe.SuspectExample(request=request, suspect=suspect)


def _takes(suspect: Any, request: fpframe.SuspectRequest) -> tuple[bool, torch.dtype, int | None]:
    """Return whether channels come last, the element type that a model wants, and its batch size where it is fixed."""
    channels, height, width = request.image_shape
    shape = getattr(suspect, "input_shape", None)
    if isinstance(shape, dict) or (shape and isinstance(shape[0], tuple | list)):
        raise fpframe.ModelError(
            f"the suspect takes {len(shape)} inputs where one batch of images is asked ({request.address}); give a "
            "function from pixels to answers"
        )
    inputs = getattr(suspect, "inputs", None) or []
    dtype = torch.uint8 if inputs and "uint8" in str(inputs[0].dtype) else torch.float32
    if shape is None or len(shape) != 4:
        return _usual_layout(suspect) == _LAST, dtype, None
    fits_last, fits_first = _fits(shape[1:], (height, width, channels)), _fits(shape[1:], request.image_shape)
    last = fits_last and (not fits_first or _usual_layout(suspect) == _LAST)
    batch, *size = shape
    return last, dtype, check_input([batch, *([size[2], size[0], size[1]] if last else size)], dtype, request)


def _fits(shape: tuple[int | None, ...], size: tuple[int, ...]) -> bool:
    return all(given in (None, need) for given, need in zip(shape, size, strict=True))


def _usual_layout(suspect: Any) -> str:
    """Return the layout in which Keras takes images where a model does not say."""
    library = sys.modules[next(c.__module__ for c in type(suspect).__mro__ if c.__name__ == "Model").partition(".")[0]]
    layout: str = library.backend.image_data_format()
    return layout


@fpframe.hookimpl
def fpframe_components() -> list[type[fpframe.Component]]:
    """Offer the source."""
    return [KerasModel]
