"""An enrolment on disk: a folder with a manifest that holds the SHA-256 of every member."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from fpframe.base import canonical_json, content_key
from fpframe.decision import Standard
from fpframe.enrolment.calibration import Calibration, CalibrationModel
from fpframe.enrolment.enrolment import Enrolment
from fpframe.errors import FpframeError, IntegrityError, ResourceError, UsageError
from fpframe.interfaces import ComponentSpec, Encoder
from fpframe.models import QueryPart, QuerySet
from fpframe.recipe import Recipe
from fpframe.registry import Registry, load_registry
from fpframe.store import dump, write_durably

FORMAT = 2
MANIFEST = "manifest.json"


def write_enrolment(enrolment: Enrolment, path: Path, *, force: bool) -> None:
    """Write an enrolment folder: whole or not at all.

    Raises:
        UsageError: the folder exists and `force` is not set.
        ResourceError: the disk is full or cannot be written.
    """
    refuse_existing(path, force=force)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".enrolment-") as temporary:
            folder = Path(temporary) / "new"
            members = _members(enrolment)
            for name, content in members.items():
                write_durably(folder / name, content)
            digests = {name: hashlib.sha256(content).hexdigest() for name, content in members.items()}
            write_durably(folder / MANIFEST, (canonical_json(_manifest(enrolment, digests)) + "\n").encode())
            if path.exists():
                path.rename(Path(temporary) / "old")  # it goes away with the temporary folder
            folder.rename(path)
    except OSError as error:
        raise ResourceError(f"cannot write the enrolment: {error.strerror} ({path})") from error


def enrolment_digest(enrolment: Enrolment) -> str:
    """Return the SHA-256 over the digests of all members, and over what the manifest says besides."""
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in _members(enrolment).items()}
    about = {key: value for key, value in _manifest(enrolment, digests).items() if key != "profile"}
    return content_key(about)


def refuse_existing(path: Path, *, force: bool) -> None:
    """Refuse to overwrite: without `force` anything that exists, with it anything that is not an enrolment.

    Raises:
        UsageError: names the folder.
    """
    if not path.exists():
        return
    if not force:
        raise UsageError(f"output exists already ({path}); choose another --out, or overwrite it with --force")
    if not _is_enrolment(path) and (not path.is_dir() or any(path.iterdir())):
        raise UsageError(f"output exists and is not an enrolment ({path}); --force overwrites enrolments only")


def _is_enrolment(path: Path) -> bool:
    """Tell whether a folder holds an enrolment and nothing else; other programs have a file of that name too."""
    try:
        members = set(json.loads((path / MANIFEST).read_bytes())["members"])
        return {item.name for item in path.iterdir()} <= {MANIFEST, *members}
    except (OSError, ValueError, KeyError, TypeError):
        return False


def read_enrolment(path: Path, *, registry: Registry | None) -> Enrolment:
    """Read an enrolment folder, checking every digest.

    Raises:
        IntegrityError: a member is missing, was changed, or is none of the manifest's.
        UsageError: there is no such folder, or it is not an enrolment.
    """
    if not (path / MANIFEST).is_file():
        what = "no such enrolment" if not path.exists() else f"not an enrolment, it has no {MANIFEST}"
        raise UsageError(f"{what} ({path}); make one with 'fpframe enroll'")
    try:
        manifest = json.loads((path / MANIFEST).read_bytes())
        version, members = manifest["format"], dict(manifest["members"])
        if any(Path(name).name != name for name in members):
            raise ValueError("a member lies outside")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise IntegrityError(f"the manifest is damaged ({path / MANIFEST}); restore the enrolment") from error
    if version != FORMAT:
        raise UsageError(f"enrolment format {version} is not known to this fpframe ({path}); it reads format {FORMAT}")
    contents = {name: _checked(path / name, digest) for name, digest in members.items()}
    extra = {item.name for item in path.iterdir()} - {MANIFEST, *contents}
    if extra:
        raise IntegrityError(f"'{min(extra)}' is none of the enrolment's members ({path}); remove it")
    try:
        return _assemble(manifest, contents, registry or load_registry())
    except FpframeError:
        raise
    except (SafetensorError, ValueError, KeyError, TypeError, AttributeError, RuntimeError) as error:
        raise IntegrityError(f"the enrolment does not fit together: {error} ({path}); restore it") from error


def _checked(path: Path, digest: str) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise IntegrityError(f"a member of the enrolment is missing ({path}); restore it") from error
    if hashlib.sha256(content).hexdigest() != digest:
        raise IntegrityError(f"a member of the enrolment was changed ({path}); restore it, or enrol again")
    return content


def _members(enrolment: Enrolment) -> dict[str, bytes]:
    members = {
        "recipe.toml": enrolment.recipe.to_toml().encode(),
        "queries.safetensors": dump({"images": enrolment.queries.images}, {}),
        "perturbations.safetensors": dump({f"delta.{i}": delta for i, delta in enumerate(enrolment.deltas)}, {}),
        "victim-answers.safetensors": dump({"probs": enrolment.victim_answers}, {}),
        "calibration.json": canonical_json(_calibration(enrolment)).encode(),
        "calibration-answers.safetensors": dump(
            {f"answers.{i}": answers for i, answers in enumerate(enrolment.calibration.answers.values())}, {}
        ),
    }
    for channel, encoder in enrolment.encoders.items():
        members[_encoder_name(channel)] = dump(dict(encoder.state_dict()), {})
    return members


def _calibration(enrolment: Enrolment) -> dict[str, Any]:
    """Return scores as data that can be read by eye; the answers that they come from are a member of their own."""
    calibration = enrolment.calibration
    return {
        "source": calibration.source,
        "models": [attrs.asdict(model) for model in calibration.models],
        "filters": list(calibration.answers),
        "view_scores": {
            channel: {name: views.tolist() for name, views in by_filter.items()}
            for channel, by_filter in calibration.views.items()
        },
        "standards": {channel: attrs.asdict(standard) for channel, standard in enrolment.standards.items()},
    }


def _manifest(enrolment: Enrolment, digests: dict[str, str]) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "members": digests,
        "scheme": enrolment.scheme,
        "encoder": attrs.asdict(enrolment.encoder),
        "encoder_revision": enrolment.encoder_revision,
        "parts": [attrs.asdict(part) for part in enrolment.queries.parts],
        "channels": list(enrolment.encoders),
        "victim": dict(enrolment.victim),
        "classes": list(enrolment.classes),
        "assumptions": list(enrolment.assumptions),
        "profile": dict(enrolment.profile),
    }


def _encoder_name(channel: str) -> str:
    return f"encoder-{channel.replace(':', '-')}.safetensors"


def _assemble(manifest: dict[str, Any], contents: dict[str, bytes], registry: Registry) -> Enrolment:
    spec = ComponentSpec(**manifest["encoder"])
    encoder = registry.build(Encoder, spec.name, **spec.params)
    if encoder.revision != manifest["encoder_revision"]:
        raise UsageError(
            f"enrolled with revision {manifest['encoder_revision']} of encoder '{spec.name}', but revision "
            f"{encoder.revision} is installed; enrol again, or install that version"
        )
    answers = _tensors(contents["victim-answers.safetensors"])["probs"]
    make: Callable[[], nn.Module] = lambda: encoder.module(*answers.shape[1:])  # noqa: E731
    deltas = _tensors(contents["perturbations.safetensors"])
    calibration = json.loads(contents["calibration.json"])
    recorded = _tensors(contents["calibration-answers.safetensors"])
    return Enrolment(
        recipe=Recipe.parse(contents["recipe.toml"].decode(), origin="enrolment"),
        scheme=manifest["scheme"],
        encoder=spec,
        encoder_revision=encoder.revision,
        queries=QuerySet(
            images=_tensors(contents["queries.safetensors"])["images"],
            parts=tuple(QueryPart(**part) for part in manifest["parts"]),
        ),
        deltas=tuple(deltas[f"delta.{i}"] for i in range(len(deltas))),
        encoders={
            channel: _filled(make(), _tensors(contents[_encoder_name(channel)])) for channel in manifest["channels"]
        },
        victim_answers=answers,
        calibration=Calibration(
            models=tuple(CalibrationModel(**model) for model in calibration["models"]),
            answers={name: recorded[f"answers.{i}"] for i, name in enumerate(calibration["filters"])},
            views={
                channel: {name: np.array(views, dtype=np.float64) for name, views in by_filter.items()}
                for channel, by_filter in calibration["view_scores"].items()
            },
            source=calibration["source"],
        ),
        standards={
            channel: Standard(means=tuple(standard["means"]), deviations=tuple(standard["deviations"]))
            for channel, standard in calibration["standards"].items()
        },
        victim=manifest["victim"],
        classes=tuple(manifest["classes"]),
        assumptions=tuple(manifest["assumptions"]),
        profile=manifest["profile"],
    )


def _tensors(content: bytes) -> dict[str, Tensor]:
    return safetensors.torch.load(content)


def _filled(module: nn.Module, weights: dict[str, Tensor]) -> nn.Module:
    with torch.no_grad():
        module.load_state_dict(weights)
    return module.eval().requires_grad_(False)
