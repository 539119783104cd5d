"""Sound inputs of each target, from which others are made by changing them."""

from __future__ import annotations

import argparse
import functools
import io
import json
import pickle
import struct
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import numpy as np
import safetensors.torch
import torch
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

import frozen
from fpframe.evidence import Envelope, PrivateKey, Statement, Subject, sign
from fpframe.store.sealed import MANIFEST

#: A line of a journal: one answer to one image.
_LINE = {
    "images": ["00"],
    "rows": "AAAAAA==",
    "classes": 1,
    "outputs": "probs",
    "channel": None,
    "reading": None,
}


@functools.cache
def seeds() -> dict[str, tuple[bytes, ...]]:
    """Return sound inputs by target."""
    presets = resources.files("fpframe.recipe.shipped")
    manifest = (frozen.ENROLMENT / MANIFEST).read_bytes()
    about = json.loads(manifest)
    members = sorted(about.pop("members"))
    inside = [bytes([place]) + (frozen.ENROLMENT / name).read_bytes() for place, name in enumerate(members)]
    inside += [
        bytes([len(members) + place]) + json.dumps(about[name]).encode() for place, name in enumerate(sorted(about))
    ]
    return {
        "recipe": tuple(presets.joinpath(f"{name}.toml").read_bytes() for name in ("tiny", "quick", "small")),
        "lineage": (b"prune(0.4)->finetune(all)", b"extract(soft, temperature=4.0)[paper:arc-d, seed=3, data=thief]"),
        "filters": (b"flip(0.5)->answer-noise(0.05)", b"round(1)"),
        "address": (b"theirs.onnx", b"timm:resnet18", b"a b.safetensors", b"/dev/zero", b".", b"x" * 300 + b".pt"),
        "manifest": (manifest,),
        "resealed": tuple(inside),
        "transcript": tuple(frozen.answers(path.stem).read_bytes() for path in sorted(frozen.FOLDER.glob("*.npz"))),
        "array": (_npy(np.arange(9)), _npy(np.ones((2, 2)))),
        "weights": (safetensors.torch.save({"1.weight": torch.ones(3, 16), "1.bias": torch.zeros(3)}),),
        "checkpoint": tuple(_checkpoints()),
        "verdict": (json.dumps(_verdict()).encode(),),
        "journal": (json.dumps(_LINE).encode() + b"\n",),
        "answers": (bytes(1) + struct.pack("6f", 0.1, 0.2, 0.7, 0.5, 0.5, 0), bytes(1) + struct.pack("3f", -3, 2, 9)),
        "envelope": (_signed().to_bytes(),),
        "statement": (_signed().payload,),
    }


def _signed() -> Envelope:
    said = Statement(subjects=(Subject("enrolment", "ab" * 32),), kind="urn:fpframe:example:1", predicate={"said": 1})
    return sign(said, PrivateKey(Ed25519PrivateKey.from_private_bytes(bytes(range(32)))))


def _checkpoints() -> Iterator[bytes]:
    weights = {"module.1.weight": torch.ones(3, 16), "module.1.bias": torch.zeros(3)}
    content = {"state_dict": weights, "args": argparse.Namespace(rate=0.1), "epoch": 3}
    for zipped in (True, False):
        stream = io.BytesIO()
        torch.save(content, stream, _use_new_zipfile_serialization=zipped)
        yield stream.getvalue()
    yield pickle.dumps(content)
    yield pickle.dumps({name: value.numpy() for name, value in weights.items()}, protocol=4)


def _npy(array: np.ndarray) -> bytes:
    content = io.BytesIO()
    np.save(content, array)
    return content.getvalue()


def _verdict() -> object:
    import fpframe

    suspect = next(iter(sorted(frozen.FOLDER.glob("*.npz"))))
    return fpframe.verify_many(frozen.able_enrolment(), answers=[Path(suspect)])[0].to_dict()
