"""An enrolment on disk: a sealed folder with the members of `fpframe.enrolment.format`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from fpframe.enrolment.ability import Ability
from fpframe.enrolment.by_commitment import refuse_other_commitment
from fpframe.enrolment.by_fitness import refuse_other_looks
from fpframe.enrolment.by_recipe import refuse_other_recipe
from fpframe.enrolment.calibration import FROM_RECIPE, Calibration
from fpframe.enrolment.consistency import refuse_contradictions, refuse_other_origins, refuse_other_pairs
from fpframe.enrolment.contents import Contents
from fpframe.enrolment.declared import check_sentences, read_declared, read_scored
from fpframe.enrolment.format import FACTS, MEMBERS, OLDEST, UNDIGESTED, check_known, decode, encode, read_assumption
from fpframe.enrolment.rescoring import refuse_other_scores
from fpframe.errors import FpframeError, IntegrityError, UsageError
from fpframe.interfaces import ComponentSpec, Encoder
from fpframe.models import QueryPart, QuerySet
from fpframe.registry import Registry, load_registry
from fpframe.store import (
    Manifest,
    SealedKind,
    read_manifest,
    read_members,
    refuse_existing as refuse_existing_sealed,
    refuse_place,
    write_sealed,
)

#: Numbers that an encoder may have on top of twice those that are stored for it.
_MORE_NUMBERS = 1_000_000
ContentsT = TypeVar("ContentsT", bound=Contents)

ENROLMENT = SealedKind(
    noun="enrolment", article="an", make="make one with 'fpframe enroll'", always=frozenset({"format", *FACTS})
)


def write_enrolment(contents: Contents, path: Path, *, force: bool) -> None:
    """Write an enrolment folder: whole or not at all.

    Raises:
        UsageError: the folder exists and `force` is not set, or it is not an enrolment.
        ResourceError: the disk is full or cannot be written.
    """
    about, members = encode(contents)
    # format 2 does not know a manifest that holds a digest of itself
    write_sealed(ENROLMENT, path, about, members, force=force, sealed=about["format"] > OLDEST)


def enrolment_digest(contents: Contents) -> str:
    """Return the SHA-256 over the digests of all members, and over what the manifest says besides."""
    return Manifest.of(*encode(contents)).digest(without=UNDIGESTED)


def refuse_existing(path: Path, *, force: bool) -> None:
    """Refuse to overwrite: without `force` anything that exists, with it anything that is not an enrolment.

    Raises:
        UsageError: names the folder, or the enrolment that it would lie in.
        ResourceError: the folder around it cannot be written to.
    """
    refuse_existing_sealed(ENROLMENT, path, force=force)
    refuse_place(path.parent)


def read_enrolment(kind: type[ContentsT], path: Path, *, registry: Registry | None) -> ContentsT:
    """Read an enrolment folder, checking every digest, and that no member contradicts another.

    Raises:
        IntegrityError: a member is missing, was changed, is not one of an enrolment's, or contradicts another.
        UsageError: there is no such folder, it is not an enrolment, or it is one of another release.
    """
    manifest = read_manifest(ENROLMENT, path)
    try:
        check_known(manifest, where=path)
        declared = read_declared(manifest.about)
        check_sentences(manifest.about["assumptions"])
        members = decode(manifest, read_members(ENROLMENT, path, manifest))
        contents = kind(**_fields(manifest.about, members, registry or load_registry()))
        refuse_contradictions(contents, declared, needs_standards=manifest.about["format"] > OLDEST)
        refuse_other_commitment(contents)
        if contents.ability is not None:  # earlier releases worked otherwise, and what they enrolled accuses nobody
            _refuse_derived(contents, contents.ability, registry or load_registry())
        return contents
    except FpframeError:
        raise
    except (SafetensorError, ValueError, KeyError, TypeError, AttributeError, RuntimeError) as error:
        told = " ".join(str(error).split())  # torch says what it does not like on several lines
        raise IntegrityError(f"the enrolment does not fit together: {told} ({path}); restore it") from error


def _refuse_derived(contents: Contents, ability: Ability, registry: Registry) -> None:
    """Refuse whatever follows from something else in an enrolment, and differs from it."""
    refuse_other_recipe(contents, registry)
    refuse_other_pairs(contents)
    refuse_other_looks(contents)
    if contents.calibration.source.startswith(FROM_RECIPE):
        refuse_other_origins(contents.calibration.models, ability.left_out)
    refuse_other_scores(contents)


def _fields(about: Mapping[str, Any], members: Mapping[str, Any], registry: Registry) -> dict[str, Any]:
    """Return the fields of `Contents`."""
    spec = ComponentSpec(**about["encoder"])
    encoder = registry.build(Encoder, spec.name, **spec.params)
    if encoder.revision != about["encoder_revision"]:
        raise UsageError(
            f"enrolled with revision {about['encoder_revision']} of encoder '{spec.name}', but revision "
            f"{encoder.revision} is installed; enroll again, or install that version"
        )
    shape, found = (int(members["queries"].shape[1]), len(about["classes"])), members["victim_answers"].shape
    if found[1:] != shape or not found.numel():  # as large as encoders are made
        raise ValueError(f"the victim's answers have shape {tuple(found)} where {('V', *shape)} is needed")
    scored, answers = read_scored(members["calibration"]), members["calibration_answers"]
    if len(scored.filters) != len(answers):
        raise ValueError(f"there are answers through {len(answers)} filters where {len(scored.filters)} are listed")
    return {
        "recipe": members["recipe"],
        "scheme": about["scheme"],
        "encoder": spec,
        "encoder_revision": encoder.revision,
        "queries": QuerySet(images=members["queries"], parts=tuple(QueryPart(**part) for part in about["parts"])),
        "deltas": members["deltas"],
        "encoders": {name: _filled(encoder, shape, weights) for name, weights in members["encoders"].items()},
        "victim_answers": members["victim_answers"],
        "calibration": Calibration(
            models=scored.models,
            answers=dict(zip(scored.filters, answers, strict=True)),
            views={
                channel: {name: _matrix(views) for name, views in by_filter.items()}
                for channel, by_filter in scored.view_scores.items()
            },
            source=scored.source,
        ),
        "standards": dict(scored.standards),
        "victim": about["victim"],
        "classes": tuple(about["classes"]),
        "assumptions": tuple(read_assumption(stored) for stored in about["assumptions"]),
        "profile": about["profile"],
        **{name: members[name] for name, member in MEMBERS.items() if member.version is not None and name in members},
    }


def _matrix(views: object) -> np.ndarray:
    """Return scores ``(M, V)``, of which JSON has only numbers."""
    matrix = np.array(views)
    if matrix.dtype.kind not in "fi":
        raise ValueError("scores are not numbers")
    return matrix.astype(np.float64)


def _filled(encoder: Encoder, shape: tuple[int, int], weights: Mapping[str, Tensor]) -> nn.Module:
    _refuse_larger(encoder, shape, weights)
    module = encoder.module(*shape)
    with torch.no_grad():
        module.load_state_dict(weights)
    return module.eval().requires_grad_(False)


def _refuse_larger(encoder: Encoder, shape: tuple[int, int], weights: Mapping[str, Tensor]) -> None:
    """Refuse to make a network that has far more numbers than were stored for it: its parameters are a stranger's."""
    try:
        with torch.device("meta"):  # without memory for its numbers
            module = encoder.module(*shape)
    except Exception:  # one that cannot be made so is made as it is, and says itself what is wrong
        return
    needed, stored = (sum(tensor.numel() for tensor in those.values()) for those in (module.state_dict(), weights))
    if needed > _MORE_NUMBERS + 2 * stored:
        raise ValueError(f"encoder '{encoder.name}' would have {needed} numbers where {stored} are stored")
