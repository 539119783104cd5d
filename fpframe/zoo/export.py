"""Write the models of a zoo to files that other programs read, and that fpframe can question as suspects."""

from __future__ import annotations

import json
import re
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from fpframe.base import Event, Listener, ignore, parse_json
from fpframe.errors import FpframeError, ModelError, ResourceError, UsageError, first_line, nearest
from fpframe.models import Classifier
from fpframe.opening import save_weights
from fpframe.registry import Registry
from fpframe.store import refuse_export, write_durably
from fpframe.zoo.beginnings import DEEP, PREFIX, begins_at_base
from fpframe.zoo.build import missing_models
from fpframe.zoo.dropped import require_weights
from fpframe.zoo.lineage import has_companion, is_filter
from fpframe.zoo.model import ZooModel
from fpframe.zoo.zoo import Zoo

FORMATS = ("onnx", "safetensors", "pt2")
#: Lists the files, with what each model is.
INDEX = "models.json"


def export_zoo(zoo: Zoo, out: Path | str, *, format: str, force: bool = False, on_event: Listener = ignore) -> Path:
    """Write each model of a zoo to a file of its own, and ``models.json`` that says what each of them is.

    ``onnx`` and ``pt2`` take pixels in [0, 1] and answer with logits; ``safetensors`` holds weights alone, with the
    address of their architecture. Models behind an answer filter are left out, because a filter is not a file. So are,
    of ``safetensors``, two models that a thief put together, and models with two layers in place of the victim's last
    one, because no address names what they are. A network that another library computes, and that has a method
    ``as_onnx`` therefore, is written as the ONNX file that it is, and left out of other formats. Notes tell how many
    models are left out, and why.

    Args:
        zoo: the zoo; all of it is built.
        out: the folder.
        format: ``onnx``, ``safetensors`` or ``pt2``.
        force: overwrite files in a folder that holds an earlier export.
        on_event: is told of progress, and of what is left out.

    Returns:
        The path of ``models.json``.

    Raises:
        UsageError: the format is unknown or its packages are missing, a model is not built, or the folder holds
            something already.
        ResourceError: a file cannot be written.
        ModelError: torch cannot write a network in this format.
    """
    out = Path(out)
    if format not in FORMATS:
        raise UsageError(f"unknown format '{format}'{nearest(format, FORMATS)}")
    refuse_export(out, INDEX, force=force)
    registry = zoo.workspace.registry
    behind = [model for model in zoo.models if is_filter(model.lineage.last, registry)]
    models = [model for model in zoo.models if model not in behind]
    nameless = [model for model in models if format == "safetensors" and not _has_address(model, registry)]
    models = [model for model in models if model not in nameless]
    missing = set(missing_models(models, zoo.workspace))
    lacking = [model for model in models if model in missing]
    if lacking:
        raise UsageError(
            f"{len(lacking)} of {len(models)} models are not built, such as {lacking[0].lineage}; "
            "run 'fpframe zoo build' first"
        )
    require_weights(models, zoo.workspace)
    for old in _listed(out):  # what an earlier export wrote, in this or another format
        old.unlink(missing_ok=True)
    numbers: Counter[str] = Counter()
    listed: list[dict[str, Any]] = []
    foreign: list[ZooModel] = []
    for done, model in enumerate(models, start=1):
        classifier = zoo.load(model)
        on_event(Event(task="exporting models", done=done, total=len(models)))
        if not _is_written(classifier, format):
            foreign.append(model)
            continue
        stem = _stem(model)
        numbers[stem] += 1
        file = f"{stem}-{numbers[stem]:03d}.{format}"
        _write(classifier, out / file, format, model)
        listed.append(
            {
                "file": file,
                "lineage": str(model.lineage),
                "exact": model.lineage.exact,
                "relation": model.relation,
                "stratum": model.stratum,
                "family": model.family,
                "split": model.split,
                "backbone": _address(classifier, model, zoo),
                "digest": classifier.as_query().digest,
            }
        )
    write_durably(out / INDEX, (json.dumps(listed, indent=2) + "\n").encode())
    for left, reason in (
        (behind, "an answer filter is not a file"),
        (nameless, "no address names what they are"),
        (foreign, f"another library computes them, and {format} cannot hold that"),
    ):
        if left:
            on_event(Event(task="exporting models", kind="note", text=_left_out(left, len(zoo.models), reason)))
    return out / INDEX


def _left_out(models: Sequence[ZooModel], total: int, reason: str) -> str:
    return f"{len(models)} of {total} models are left out, such as {models[0].lineage}: {reason}"


def _is_written(classifier: Classifier, format: str) -> bool:
    """Tell whether a format can hold a network: one that another library computes is an ONNX file, and a whole one."""
    if not any(_as_onnx(part) for part in classifier.modules()):
        return True
    return format == "onnx" and _as_onnx(classifier.module) is not None and not str(classifier.preparation)


def _as_onnx(module: nn.Module) -> Callable[[], bytes] | None:
    """Return what gives the ONNX file that a network is, which takes pixels in [0, 1]; only few networks are one."""
    found: Callable[[], bytes] | None = getattr(module, "as_onnx", None)
    return found


def _address(classifier: Classifier, model: ZooModel, zoo: Zoo) -> str:
    """Return the address that builds the architecture of a model anew; one that began at a base has the victim's."""
    named = model.lineage.architecture
    return classifier.architecture if classifier.form or begins_at_base(named) else zoo.workspace.resolve(named)


def _has_address(model: ZooModel, registry: Registry) -> bool:
    """Tell whether the architecture of a model has an address outside the zoo, and is not that of two put together."""
    if model.lineage.architecture == PREFIX + DEEP:
        return False
    for step in reversed(model.lineage.steps):
        if step.backbone is not None:
            return True
        if has_companion(step, registry):
            return False
    return True


def _listed(out: Path) -> list[Path]:
    """Return the files of an earlier export, the list of them last."""
    index = out / INDEX
    if not index.exists():
        return []
    try:
        names = [Path(item["file"]).name for item in parse_json(index.read_bytes())]
    except (ValueError, TypeError, KeyError) as error:
        raise UsageError(f"'{index}' was not written by an export; choose another --out") from error
    return [*(out / name for name in names), index]


def _stem(model: ZooModel) -> str:
    words = (model.split, model.relation, model.stratum)
    return "-".join(re.sub(r"[^\w.]+", "-", word).strip("-") for word in words)


def _write(classifier: Classifier, path: Path, format: str, model: ZooModel) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if format == "safetensors":
            save_weights(classifier, path)
        elif format == "pt2":
            # torch writes the sample images into the file: made ones, so that nobody's data leaks
            torch.export.save(_exported(classifier), path)
        else:
            _write_onnx(classifier, path)
    except OSError as error:
        raise ResourceError(
            f"cannot write: {error.strerror or error} ({path}); free space, or choose another folder"
        ) from error
    except FpframeError:
        raise
    except Exception as error:  # whatever torch meets in a network; the exporter of ONNX says why in the cause
        raise ModelError(
            f"torch cannot write the network as {format}: {first_line(error.__cause__ or error)} "
            f"({model.lineage}); leave it out with --without '{model.stratum}', or choose another --format"
        ) from error


def _exported(classifier: Classifier) -> Any:
    batch = torch.export.Dim("batch", min=1)
    return torch.export.export(classifier.eval(), (_sample(classifier),), dynamic_shapes=({0: batch},))


def _write_onnx(classifier: Classifier, path: Path) -> None:
    if content := _as_onnx(classifier.module):
        path.write_bytes(content())
        return
    try:
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise UsageError('writing ONNX needs onnxscript; pip install "fpframe[onnx]"') from error
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter warns of its own future
        program = torch.onnx.export(
            classifier.eval(),
            (_sample(classifier),),
            dynamo=True,
            dynamic_shapes=({0: torch.export.Dim("batch", min=1)},),
            input_names=["pixels"],
            output_names=["logits"],
            verbose=False,
        )
    assert program is not None
    program.save(str(path))


def _sample(classifier: Classifier) -> torch.Tensor:
    return torch.zeros(2, *classifier.image_shape)
