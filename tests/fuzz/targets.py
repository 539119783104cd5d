"""What reads files and texts of others: each takes any bytes, and raises nothing but errors of fpframe."""

from __future__ import annotations

import contextlib
import functools
import json
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import numpy as np
import torch
from torch import nn

import fpframe
import frozen
from forging import forge
from fpframe.base import Address, parse_json, read_array
from fpframe.errors import FpframeError
from fpframe.evidence import Statement, read_statement
from fpframe.isolation.journal import Journal
from fpframe.models.answers import OUTPUTS, AnswerReader, UnreadError
from fpframe.opening.checkpoints import pickled
from fpframe.store.sealed import MANIFEST, SEAL
from fpframe.verification import Verdict
from fpframe.verification.transcript import open_recorded
from fpframe.zoo.chain import FilterChain

#: The kind of the statements in `seeds`.
SIGNED_KIND = "urn:fpframe:example:1"
Target = Callable[[bytes, Path], object]


@functools.cache
def registry() -> fpframe.Registry:
    return fpframe.load_registry()


@functools.cache
def enrolment() -> fpframe.Enrolment:
    return fpframe.Enrolment.open(frozen.ENROLMENT)


def text(content: bytes) -> str:
    return content.decode(errors="replace")


def recipe(content: bytes, folder: Path) -> object:
    """Read a recipe from a file."""
    path = folder / "mine.toml"
    path.write_bytes(content)
    return fpframe.Recipe.load(path)


def lineage(content: bytes, folder: Path) -> object:
    """Read what was done to a model."""
    return fpframe.Lineage.parse(text(content), registry())


def filters(content: bytes, folder: Path) -> object:
    """Read a chain of answer filters."""
    return FilterChain.parse(text(content), registry())


def address(content: bytes, folder: Path) -> object:
    """Open a suspect by its address; nothing is there that could be opened."""
    Address.parse(text(content))
    if text(content).startswith("python:"):
        return None  # it imports what is named
    return fpframe.open_suspect(text(content), num_classes=3, image_shape=(1, 4, 4), registry=registry())


def manifest(content: bytes, folder: Path) -> object:
    """Open an enrolment whose manifest is anything."""
    copied = shutil.copytree(frozen.ENROLMENT, folder / "raw", dirs_exist_ok=True)
    (copied / MANIFEST).write_bytes(content)
    return fpframe.Enrolment.open(copied, registry=registry())


def resealed(content: bytes, folder: Path) -> object:
    """Open an enrolment of which one member, or an entry of the manifest, is anything, with digests that fit.

    The first byte says which one.
    """
    copied = Path(shutil.copytree(frozen.ENROLMENT, folder / "resealed", dirs_exist_ok=True))
    about = json.loads((copied / MANIFEST).read_text())
    members = sorted(about.pop("members"))
    entries = sorted(set(about) - {SEAL})
    chosen, rest = (content[0] if content else 0) % (len(members) + len(entries)), content[1:]
    if chosen < len(members):
        forge(copied, members={members[chosen]: rest})
    else:
        try:
            said = parse_json(rest)
        except ValueError:
            said = text(rest)
        forge(copied, **{entries[chosen - len(members)]: said})
    return fpframe.Enrolment.open(copied, registry=registry())


def transcript(content: bytes, folder: Path) -> object:
    """Read recorded answers."""
    path = folder / "answers.npz"
    path.write_bytes(content)
    return open_recorded(path, enrolment())


def array(content: bytes, folder: Path) -> object:
    """Read the indices of images."""
    path = folder / "indices.npy"
    path.write_bytes(content)
    try:
        return read_array(path)
    except (OSError, ValueError) as error:  # which its callers translate, and say what the file is for
        return error


def weights(content: bytes, folder: Path) -> object:
    """Read safetensors into a network."""
    path = folder / "weights.safetensors"
    path.write_bytes(content)
    network = nn.Sequential(nn.Flatten(), nn.Linear(16, 3))
    return fpframe.load_weights(fpframe.Classifier(network, num_classes=3, image_shape=(1, 4, 4)), path)


def checkpoint(content: bytes, folder: Path) -> object:
    """Read a pickle into a network, in this process."""
    path = folder / "weights.pt"
    path.write_bytes(content)
    network = nn.Sequential(nn.Flatten(), nn.Linear(16, 3))
    with mock.patch.object(pickled, "_here", True):
        return fpframe.load_weights(fpframe.Classifier(network, num_classes=3, image_shape=(1, 4, 4)), path)


def verdict(content: bytes, folder: Path) -> object:
    """Read a verdict."""
    try:
        stored = parse_json(content)
    except ValueError:
        return None
    return Verdict.from_dict(stored)


def journal(content: bytes, folder: Path) -> object:
    """Go on with a journal."""
    path = folder / "kept.journal"
    path.write_bytes(b'{"format":1}\n' + content)
    return Journal.read(path, {"format": 1}).recall(torch.zeros(1, 1, 2, 2))


def answers(content: bytes, folder: Path) -> object:
    """Read numbers that a model answered; the first byte says as what."""
    outputs = OUTPUTS[(content[0] if content else 0) % len(OUTPUTS)]
    numbers = np.frombuffer(content[1 : 1 + len(content[1:]) // 12 * 12], dtype=np.float32).reshape(-1, 3)
    reader = AnswerReader(outputs, 3)
    try:
        rows = reader.read([reader.take(torch.from_numpy(numbers.copy()), len(numbers))]) if len(numbers) else None
    except UnreadError as error:
        return error
    finite = None if rows is None else rows[rows.isfinite().all(1)]
    slack = 0.01  # of what is called a probability
    assert finite is None or bool(((finite >= -slack) & (finite <= 1 + slack)).all()), (outputs, numbers, rows)
    return rows


def envelope(content: bytes, folder: Path) -> object:
    """Read a signed envelope."""
    return read_statement(content, kind=SIGNED_KIND)


def statement(content: bytes, folder: Path) -> object:
    """Read a statement as if its signature were good."""
    return Statement.parse(content).signer.raw


TARGETS: dict[str, Target] = {
    each.__name__: each
    for each in (
        recipe,
        lineage,
        filters,
        address,
        manifest,
        resealed,
        transcript,
        array,
        weights,
        checkpoint,
        verdict,
        journal,
        answers,
        envelope,
        statement,
    )
}


def try_one(target: str, content: bytes) -> None:
    """Let a target read some bytes; whatever it raises that is no error of fpframe is a defect."""
    with tempfile.TemporaryDirectory() as folder, contextlib.suppress(FpframeError):
        TARGETS[target](content, Path(folder))
