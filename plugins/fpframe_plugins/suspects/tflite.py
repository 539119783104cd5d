"""`tflite`: networks for phones and small devices, run by LiteRT."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import attrs
import numpy as np
import torch
from torch import Tensor

import fpframe
from fpframe.opening import (
    NetworkOutput,
    TakenInput,
    as_rows,
    choose_output,
    chosen_note,
    existing_file,
    file_digest,
    in_chunks,
    open_query,
    refuse_backbone,
    take_input,
)
from fpframe_plugins.suspects._runtime import needed_library, not_run, only_input

_DTYPES = {
    np.dtype(np.float32): torch.float32,
    np.dtype(np.float16): torch.float16,
    np.dtype(np.float64): torch.float64,
    np.dtype(np.uint8): torch.uint8,
    np.dtype(np.int8): torch.int8,
    np.dtype(np.int16): torch.int16,
    np.dtype(np.int32): torch.int32,
    np.dtype(np.int64): torch.int64,
}

#: Ranges that pixels are usually brought to, and how.
_USUAL: tuple[tuple[float, float, dict[str, Any]], ...] = (
    (-1, 1, {"mean": 0.5, "std": 0.5}),
    (0, 255, {"scale": 255}),
)


@attrs.frozen(kw_only=True)
class TfliteFile(fpframe.SuspectSource):
    """Open ``.tflite`` files, with as many threads as torch may use.

    The network must have one input, images of floats or whole numbers; channels usually come last. Quantised input and
    output are converted by the scale and zero point of the file. Of several outputs the one with K columns is read.
    """

    name: ClassVar[str] = "tflite"
    forms: ClassVar[tuple[str, ...]] = ("FILE.tflite",)

    def open(self, request: fpframe.SuspectRequest) -> fpframe.Query:
        """Return access to the network.

        Raises:
            UsageError: a backbone was named, LiteRT is missing, or another device than the CPU was asked for.
            ModelError: the file is missing or damaged, or the network has other classes or other images.
        """
        refuse_backbone(request)
        path = existing_file(request.address)
        digest = file_digest(path)
        interpreter = _interpreter(path, request)
        image, sent = _image(interpreter, request)
        output, chosen = _output(interpreter, request)
        runner = _Runner(interpreter, image, output, sent)
        query = open_query(runner if sent.batch is None else in_chunks(runner, sent.batch), sent.request, digest=digest)
        query.notes = (*sent.notes, *chosen)
        return query

    def example(self, folder: Path, model: fpframe.Classifier) -> fpframe.SuspectRequest:
        """Write the layer of a model, for one image at a time."""
        from fpframe_plugins.suspects._tflite_writing import write_linear

        path = folder / "suspect.tflite"
        write_linear(path, model.module[-1].weight, model.image_shape)  # type: ignore[index]
        return fpframe.SuspectRequest(address=str(path), num_classes=model.num_classes, image_shape=model.image_shape)


@attrs.frozen
class Quantisation:
    """How whole numbers stand for real ones: ``scale * (number - zero)``.

    Attributes:
        scale: 0 where numbers stand for themselves.
        zero: the number that stands for 0.
        dtype: of the numbers.
    """

    scale: float
    zero: int
    dtype: np.dtype[Any]

    @classmethod
    def of(cls, details: Any) -> Quantisation:
        """Return that of a tensor, by what the interpreter tells of it."""
        scale, zero = details["quantization"]
        return cls(float(scale), int(zero), np.dtype(details["dtype"]))

    @property
    def used(self) -> bool:
        """Whether the numbers stand for others."""
        return self.scale != 0 and self.dtype.kind in "iu"

    @property
    def range(self) -> tuple[float, float]:
        """The least and the highest real number."""
        bounds = np.iinfo(self.dtype)
        return self.scale * (bounds.min - self.zero), self.scale * (bounds.max - self.zero)

    def whole(self, values: np.ndarray) -> np.ndarray:
        """Return the numbers that stand for values, which are clipped to the range."""
        bounds = np.iinfo(self.dtype)
        numbers = np.round(values.astype(np.float64) / self.scale) + self.zero
        return np.clip(numbers, bounds.min, bounds.max).astype(self.dtype)

    def real(self, numbers: np.ndarray) -> np.ndarray:
        """Return the values that numbers stand for."""
        return (self.scale * (numbers.astype(np.float32) - self.zero)).astype(np.float32)


@attrs.frozen(eq=False)
class _Runner:
    """Asks the interpreter, which holds one batch at a time."""

    interpreter: Any
    image: Any
    output: Any
    sent: TakenInput

    def __call__(self, pixels: Tensor) -> Tensor:
        images, quantisation = self.sent(pixels).numpy(), Quantisation.of(self.image)
        if quantisation.used:
            images = quantisation.whole(images)
        index = self.image["index"]
        if tuple(self.interpreter.get_input_details()[0]["shape"]) != images.shape:
            self.interpreter.resize_tensor_input(index, images.shape)
            self.interpreter.allocate_tensors()
        self.interpreter.set_tensor(index, np.ascontiguousarray(images))
        self.interpreter.invoke()
        answer = self.interpreter.get_tensor(self.output["index"])
        how = Quantisation.of(self.output)
        return as_rows(torch.from_numpy(how.real(answer) if how.used else answer.copy()))


def _interpreter(path: Path, request: fpframe.SuspectRequest) -> Any:
    runtime = needed_library("ai_edge_litert.interpreter", request, called="LiteRT", extra="tflite")
    if request.device != "cpu":
        raise fpframe.UsageError(f"LiteRT cannot use device '{request.device}' ({request.address}); use cpu")
    try:
        interpreter = runtime.Interpreter(model_path=str(path), num_threads=torch.get_num_threads())
        interpreter.allocate_tensors()
    except Exception as error:
        raise not_run(error, path, network="a TFLite network that LiteRT can run", again="convert it again") from error
    return interpreter


def _image(interpreter: Any, request: fpframe.SuspectRequest) -> tuple[Any, TakenInput]:
    inputs = interpreter.get_input_details()
    image = only_input(inputs, [str(entry["name"]) for entry in inputs], request, again="convert it")
    how = Quantisation.of(image)
    sizes = [int(size) for size in image["shape"]]
    signature = [int(size) for size in image.get("shape_signature", sizes)]
    free = signature if len(signature) == len(sizes) else sizes
    shape = [None if size < 0 else size for size in free]
    note: tuple[fpframe.Note, ...] = ()
    if how.used:
        request, note = _in_range(request, how)
    taken = take_input(shape, torch.float32 if how.used else _DTYPES.get(np.dtype(image["dtype"])), request)
    return image, attrs.evolve(taken, notes=(*taken.notes, *note))


def _in_range(
    request: fpframe.SuspectRequest, how: Quantisation
) -> tuple[fpframe.SuspectRequest, tuple[fpframe.Note, ...]]:
    """Return a request that brings pixels into the range of the real numbers that the network was quantised for.

    Raises:
        UsageError: the range is none of those that pixels usually have, and nobody said how they get there.
    """
    said, (low, high) = request.preparation, how.range
    if said.normalises or (low >= -0.02 and high <= 1.02):
        return request, ()
    for usual_low, usual_high, values in _USUAL:
        close = 0.02 * (usual_high - usual_low)
        if abs(low - usual_low) <= close and abs(high - usual_high) <= close:
            done = attrs.evolve(said, **values)
            text = (
                f"By its file the suspect takes numbers from {low:g} to {high:g}, and got them; nobody said otherwise."
            )
            return attrs.evolve(request, preparation=done), (fpframe.Note("preparation-from-file", text),)
    raise fpframe.UsageError(
        f"the suspect takes numbers from {low:.3g} to {high:.3g} ({request.address}), and pixels are from 0 to 1; say "
        "how they get there, as in --input 'mean=0.485,0.456,0.406; std=0.229,0.224,0.225'"
    )


def _output(interpreter: Any, request: fpframe.SuspectRequest) -> tuple[Any, tuple[fpframe.Note, ...]]:
    """Return the output that is read, and what is to be noted of that."""
    outputs = interpreter.get_output_details()
    known = [
        NetworkOutput(
            str(entry["name"]),
            tuple(int(size) for size in entry["shape"]),
            np.dtype(entry["dtype"]).kind in "iu" and not Quantisation.of(entry).used,
        )
        for entry in outputs
    ]
    chosen = choose_output(known, request)
    return outputs[chosen], chosen_note(known, chosen, request)


@fpframe.hookimpl
def fpframe_components() -> list[type[fpframe.Component]]:
    """Offer the source."""
    return [TfliteFile]
