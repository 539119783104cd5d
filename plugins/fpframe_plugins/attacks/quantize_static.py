"""Attack ``quantize-static``: turn a stolen model into an int8 network that onnxruntime computes."""

from __future__ import annotations

import copy
import importlib
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal

import attrs
import numpy as np
import torch
from torch import Tensor, nn

import fpframe
from fpframe import AttackContext, Classifier, Images, Query
from fpframe.errors import first_line
from fpframe.parameters import flag, whole
from fpframe.rng import isolated
from fpframe_plugins.suspects._runtime import told_to_nobody

#: Images that calibrate at once.
_TOGETHER = 32


@attrs.frozen(kw_only=True)
class QuantizeStatic(fpframe.AttackSimulator):
    """Store weights and activations of a copy as int8, by ``onnxruntime.quantization.quantize_static``.

    This is what is shipped to phones and servers: an ONNX file whose convolutions and linear layers compute with whole
    numbers, unlike `quantize`, which rounds the weights alone. The thief's images tell the ranges of the activations
    (Jacob et al., "Quantization and training of neural networks for efficient integer-arithmetic-only inference", CVPR
    2018). Needs ``fpframe[onnx]``. The result has neither weights that can be trained nor gradients: nothing can be
    done to it afterwards but to ask it, and filters. It is computed on the CPU.

    Attributes:
        images: how many of the thief's images calibrate, the first ones.
        per_channel: whether each output channel has a scale of its own.
    """

    name: ClassVar[str] = "quantize-static"
    access: ClassVar[Literal["weights", "probs", "labels"]] = "weights"
    # what it hands over is another network than the copy, and `join` makes it anew; the companion is not needed
    companion: ClassVar[bool] = True

    images: int = attrs.field(default=128, validator=whole(low=1))
    per_channel: bool = attrs.field(default=True, validator=flag)

    @property
    def deterministic(self) -> bool:
        """Nothing is drawn by chance."""
        return True

    def image_passes(self, available: int, epochs: int) -> float:
        """Return zero: nothing is learned."""
        return 0

    def simulate(
        self, student: Classifier, teacher: Query | None, data: Images, *, context: AttackContext, seed: int
    ) -> Classifier:
        """Return a classifier that a session of onnxruntime answers for.

        Raises:
            UsageError: a library of ``fpframe[onnx]`` is not installed.
            ModelError: the network cannot be exported or quantised, or is of whole numbers already.
        """
        if any(isinstance(part, Int8Network) for part in student.modules()):
            raise fpframe.ModelError(
                f"the network is of whole numbers already ({self.name}); leave this attack out for this model"
            )
        made = self.join(student, student)
        content = self._quantised(copy.deepcopy(student).cpu().eval(), data[: self.images].pixels)
        made.module.load_state_dict({"file": torch.frombuffer(bytearray(content), dtype=torch.uint8)})
        return made.eval()

    def join(self, student: Classifier, companion: Classifier) -> Classifier:
        """Return a classifier for the student's images that gets its network with its state."""
        session = Int8Network()
        return Classifier(session, num_classes=student.num_classes, image_shape=student.image_shape).eval()

    def _quantised(self, network: Classifier, pixels: Tensor) -> bytes:
        quantization, onnx = _library("onnxruntime.quantization"), _library("onnx")
        preparing = _library("onnxruntime.quantization.shape_inference")
        free = ({0: torch.export.Dim("count")},)
        blank = torch.zeros(2, *network.image_shape)
        with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings(), isolated(0):
            warnings.simplefilter("ignore")  # of the exporter
            first, second, third = (Path(folder) / f"{name}.onnx" for name in ("exported", "prepared", "int8"))
            try:
                torch.onnx.export(
                    network, (blank,), first, input_names=["pixels"], output_names=["logits"], dynamic_shapes=free,
                    dynamo=True, external_data=False, verbose=False,
                )  # fmt: skip
                preparing.quant_pre_process(first, second, skip_symbolic_shape=True)
                entry = onnx.load(second, load_external_data=False).graph.input[0].name
                quantization.quantize_static(
                    second, third, _reader(quantization, entry, pixels), per_channel=self.per_channel,
                    activation_type=quantization.QuantType.QInt8, weight_type=quantization.QuantType.QInt8,
                )  # fmt: skip
            except Exception as error:
                why = first_line(error.__cause__ or error)  # the exporter tells its reader what to do, in colours
                raise fpframe.ModelError(
                    f"the network cannot be quantised: {why} ({self.name}); take 'quantize'"
                ) from error
            return third.read_bytes()


class Int8Network(nn.Module):
    """A network whose state is an ONNX file, as bytes, and which onnxruntime computes on the CPU, without gradients."""

    file: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("file", torch.zeros(0, dtype=torch.uint8))
        self._session: Any = None

    def forward(self, pixels: Tensor) -> Tensor:
        """Return logits ``(N, K)`` for pixels ``(N, C, H, W)``."""
        if self._session is None:
            self._session = _session(self.as_onnx())
        entry = self._session.get_inputs()[0].name
        (logits,) = self._session.run(None, {entry: np.ascontiguousarray(pixels.detach().cpu().numpy())})
        return torch.from_numpy(logits).to(pixels.device)

    def as_onnx(self) -> bytes:
        """Return the file, which takes ``pixels`` and answers with ``logits``."""
        return self.file.cpu().numpy().tobytes()

    def __getstate__(self) -> dict[str, Any]:
        # sessions can be neither copied nor pickled, and are made again of the file
        return {**self.__dict__, "_session": None}

    def _load_from_state_dict(self, state_dict: Mapping[str, Any], prefix: str, *args: Any) -> None:
        """Take a file of any length."""
        given = state_dict.get(f"{prefix}file")
        if isinstance(given, Tensor):
            self.file = torch.zeros(given.shape, dtype=torch.uint8, device=self.file.device)
            self._session = None
        super()._load_from_state_dict(state_dict, prefix, *args)


def _reader(quantization: Any, entry: str, pixels: Tensor) -> Any:
    """Return what hands onnxruntime images, batch by batch."""

    class Reader(quantization.CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self.batches: Iterator[Tensor] = iter(pixels.split(_TOGETHER))

        def get_next(self) -> dict[str, Any] | None:
            batch = next(self.batches, None)
            return None if batch is None else {entry: batch.numpy()}

    return Reader()


def _session(content: bytes) -> Any:
    runtime = _library("onnxruntime")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    return runtime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def _library(name: str) -> Any:
    try:
        with told_to_nobody(), warnings.catch_warnings(), isolated(0):
            warnings.simplefilter("ignore")
            return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise fpframe.UsageError(
            f"{name.partition('.')[0]} is not installed (quantize-static); pip install 'fpframe[onnx]'"
        ) from error


@fpframe.hookimpl
def fpframe_components() -> list[type[fpframe.Component]]:
    """Offer the attack."""
    return [QuantizeStatic]
