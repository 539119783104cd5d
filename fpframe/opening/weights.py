"""`load_weights` and `save_weights`: a network's weights on disk, always loaded strictly."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Collection, Mapping
from os import environ
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor

from fpframe.base import read_file, why_unread
from fpframe.errors import ModelError, first_line
from fpframe.models import Classifier, free_sizes
from fpframe.opening import unpickle as _unpickle
from fpframe.opening.modelfiles import existing_file
from fpframe.opening.safetensorsheader import Header
from fpframe.opening.saved import Saved, is_from_source, refuse_another_form
from fpframe.store import dump, write_durably

#: Seconds after which the process that reads a foreign pickle is ended.
TIME_LIMIT_SECONDS = 300.0

#: Suffixes of the files that `load_weights` reads.
SUFFIXES = (".safetensors", ".pt", ".pth")

_PREFIX = "module."


def save_weights(classifier: Classifier, path: Path | str, *, facts: Mapping[str, Any] | None = None) -> None:
    """Write a network's weights to a safetensors file whose bytes depend on the content alone.

    Args:
        classifier: the network; its own keys are written, without those of the wrapper.
        path: the file; it is whole or absent, also after a crash.
        facts: more plain data to keep in the file's metadata.

    Raises:
        ResourceError: the file cannot be written.
    """
    known = {
        "backbone": classifier.architecture,
        "num_classes": classifier.num_classes,
        "image_shape": list(classifier.preparation.shape(classifier.image_shape)),
        **(facts or {}),
    }
    # tied weights share memory, which the format refuses: each name gets its own copy
    tensors = {name: tensor.detach().clone() for name, tensor in classifier.module.state_dict().items()}
    write_durably(Path(path), dump(tensors, known))


def load_weights(classifier: Classifier, path: Path | str) -> Classifier:
    """Load a safetensors file or a pickled state dict into a network, and return the network.

    Every key and shape must fit. A state dict may lie under ``state_dict`` or ``model``, as training scripts
    save it, and all its keys may begin with ``module.``, as those of a `Classifier` or ``DataParallel`` do.
    A pickle is read with PyTorch's weights-only reader, in a process of its own with limits on time and
    memory. Nothing is loaded unless everything fits.

    Shapes do not tell everything: an architecture that was adapted to small images has those of the unchanged one, and
    other answers. A file that fpframe wrote says which of them it belongs to, and goes into no other. A file that says
    nothing goes into an adapted network only where its address names the form, as in ``timm:resnet18(stem=small)``.

    Raises:
        ModelError: the file is missing, damaged, refused, or does not fit the network.
    """
    path = existing_file(str(path))
    expected: dict[str, Tensor] = classifier.module.state_dict()
    if path.suffix.lower() == ".safetensors":
        # what cannot fit is refused before memory is spent on it
        _refuse_misfits(classifier, expected, _unprefixed(Header.of(path).tensors, expected), path)
        weights = _read_safetensors(path)
    elif path.suffix.lower() in SUFFIXES:
        weights = _read_pickle(path)
    else:
        raise ModelError(f"'{path}' holds no weights that can be read; known files: {', '.join(SUFFIXES)}")
    weights = _unprefixed(weights, expected)
    _refuse_misfits(classifier, expected, weights, path)
    refuse_another_form(classifier, path)
    classifier.module.load_state_dict(weights)
    classifier.foreign = is_from_source(classifier.address) and Saved.of(path) is None
    return classifier


def _unprefixed(weights: dict[str, Tensor], expected: Mapping[str, Tensor]) -> dict[str, Tensor]:
    if not weights.keys() & expected.keys() and all(name.startswith(_PREFIX) for name in weights):
        return {name.removeprefix(_PREFIX): value for name, value in weights.items()}
    return weights


def _refuse_misfits(
    classifier: Classifier, expected: Mapping[str, Tensor], weights: Mapping[str, Tensor], path: Path
) -> None:
    misfits = _misfits(expected, weights, free=free_sizes(classifier.module))
    if misfits:
        raise ModelError(
            f"the weights do not fit backbone '{classifier.address or type(classifier.module).__name__}' "
            f"with {classifier.num_classes} classes: {'; '.join(misfits)} ({path}); "
            "name the backbone that they were saved from"
        )


def _misfits(expected: Mapping[str, Tensor], found: Mapping[str, Tensor], *, free: Collection[str]) -> list[str]:
    """Return what keeps weights from fitting, one phrase each for missing, unexpected and misshaped.

    Those in `free` may have any size along each dimension.
    """

    def fits(name: str, value: Tensor) -> bool:
        like = found[name].ndim == value.ndim if name in free else found[name].shape == value.shape
        return like and found[name].is_floating_point() == value.is_floating_point()

    misshaped = [
        f"{name} is {_describe(found[name])} where {_describe(value)} is expected"
        for name, value in expected.items()
        if name in found and not fits(name, value)
    ]
    groups = {
        "missing ": [name for name in expected if name not in found],
        # the format keeps no order, and a message should be the same every time
        "unexpected ": sorted(found.keys() - expected.keys()),
        "": misshaped,
    }
    return [f"{label}{_few(names)}" for label, names in groups.items() if names]


def _few(names: list[str], most: int = 3) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{', '.join(names[:most])}{more}"


def _describe(tensor: Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')} {tuple(tensor.shape)}"


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    try:
        content = read_file(path)
    except OSError as error:
        raise ModelError(f"'{path}' cannot be read: {why_unread(error)}; get a fresh copy") from error
    try:
        return load(content)
    except (SafetensorError, ValueError) as error:
        raise ModelError(f"'{path}' is not a whole safetensors file: {first_line(error)}; get a fresh copy") from error


def _read_pickle(path: Path) -> dict[str, Tensor]:
    with tempfile.TemporaryDirectory(prefix="fpframe-") as folder:
        converted = Path(folder) / "weights.safetensors"
        # -P keeps the script's folder, whose modules have common names, off the module search path
        command = [sys.executable, "-P", _unpickle.__file__, str(path.resolve()), str(converted)]
        limits = {
            "OMP_NUM_THREADS": "1",
            "TORCH_FORCE_WEIGHTS_ONLY_LOAD": "1",
            "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD": "0",
        }
        try:
            done = subprocess.run(
                command,
                capture_output=True,
                cwd=folder,
                env={**environ, **limits},
                stdin=subprocess.DEVNULL,
                timeout=TIME_LIMIT_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise ModelError(
                f"'{path}' is refused: reading it took more than {TIME_LIMIT_SECONDS:g} seconds; "
                "save its state dict as .safetensors"
            ) from error
        if done.returncode == 0:
            return _read_safetensors(converted)
    raise ModelError(f"'{path}' is refused: {_reason(done)}; save its state dict as .safetensors")


def _reason(done: subprocess.CompletedProcess[bytes]) -> str:
    """Return what the child said as one short printable line; it is not to be trusted more than the file."""
    try:
        said = str(json.loads(done.stdout)["error"])
    except (ValueError, KeyError, TypeError):
        return f"reading it ended with code {done.returncode}, over a limit or on damaged content"
    line = "".join(letter if letter.isprintable() else " " for letter in said)
    return line[:300]
