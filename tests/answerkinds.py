"""The ways in which models answer, in tests: each from logits ``(N, K)`` to what a model would return."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import attrs
import numpy as np
import torch
from torch import Tensor

#: The names of ten classes.
CLASSES = tuple(f"class {letter}" for letter in "abcdefghij")


@attrs.frozen
class Way:
    """A way to answer that can be read.

    Attributes:
        answer: from logits to what is returned.
        kind: as what it is read.
        channel: what it reveals; probabilities are compared after they went through it too.
        slack: how far the probabilities may be off.
        converted: what the verdict says of it; empty for nothing.
    """

    answer: Callable[[Tensor], Any]
    kind: str = "probs"
    channel: str = "probs"
    slack: float = 1e-5
    converted: str = ""


class Output(NamedTuple):
    logits: Tensor
    features: Tensor


@attrs.define
class ModelOutput:
    logits: Tensor
    hidden_states: Any = None


def p(z: Tensor) -> Tensor:
    return z.softmax(1)


def top(z: Tensor, count: int) -> Tensor:
    highest = p(z).topk(min(count, z.shape[1]))
    return torch.zeros_like(z).scatter(1, highest.indices, highest.values)


def label(z: Tensor) -> Tensor:
    return z.argmax(1)


def entries(z: Tensor, count: int, name: Callable[[int], Any]) -> list[list[dict[str, Any]]]:
    rows = p(z).topk(min(count, z.shape[1]))
    return [
        [{"label": name(int(i)), "score": float(v)} for v, i in zip(values, indices, strict=True)]
        for values, indices in zip(rows.values, rows.indices, strict=True)
    ]


def named(number: int) -> str:
    return CLASSES[number]


_DIVIDED = "divided by 100"
_TAKEN = "taken from the member"
READ: dict[str, Way] = {
    "logits": Way(lambda z: z, "logits"),
    "logits in half precision": Way(lambda z: z.half(), "logits", slack=1e-2),
    "logits less the highest": Way(lambda z: z - z.amax(1, keepdim=True), "logits"),
    "log-softmax": Way(lambda z: z.log_softmax(1), "logits"),
    "softmax": Way(p),
    "softmax in double precision": Way(lambda z: p(z.double())),
    "softmax in half precision": Way(lambda z: p(z).half(), slack=1e-3),
    "softmax in bfloat16": Way(lambda z: p(z).bfloat16(), slack=1e-2),
    "softmax, one decimal": Way(lambda z: p(z).round(decimals=1), channel="rounded:1"),
    "softmax, rounded down": Way(lambda z: (p(z) * 100).floor() / 100, channel="rounded:2", slack=1.1e-2),
    "softmax, three decimals": Way(lambda z: p(z).round(decimals=3), channel="rounded:3"),
    "percent": Way(lambda z: p(z) * 100, "percent", converted=_DIVIDED),
    "percent, one decimal": Way(
        lambda z: (p(z) * 100).round(decimals=1), "percent", "rounded:3", slack=2e-5, converted=_DIVIDED
    ),
    "whole percent": Way(lambda z: (p(z) * 100).round().long(), "percent", "rounded:2", slack=1e-2, converted=_DIVIDED),
    "bytes": Way(
        lambda z: (p(z) * 255).round().to(torch.uint8), channel="steps:255", slack=5e-3, converted="divided by 25"
    ),
    "signed bytes": Way(
        lambda z: ((p(z) * 256).round() - 128).clamp(-128, 127).to(torch.int8),
        channel="steps:256",
        slack=5e-3,
        converted="128 was added to them and they were divided by 25",
    ),
    "steps of 1/256": Way(lambda z: (p(z) * 256).round() / 256, channel="steps:256"),
    "sigmoids": Way(torch.sigmoid, "sigmoid", slack=2e-3, converted="back into logits"),
    "top 5": Way(lambda z: top(z, 5), "topk", "topk:5"),
    "top 3, renormalised": Way(lambda z: top(z, 3) / top(z, 3).sum(1, keepdim=True), channel="topk:3", slack=0.5),
    "top 5 in percent": Way(lambda z: top(z, 5) * 100, "topk", "topk:5", converted=_DIVIDED),
    "top 2 in percent, one decimal": Way(
        lambda z: (top(z, 2) * 100).round(decimals=1), "topk", "topk:2+rounded:3", slack=2e-5, converted=_DIVIDED
    ),
    "(N, K, 1, 1)": Way(lambda z: z[:, :, None, None], "logits"),
    "(N, 1, K)": Way(lambda z: p(z)[:, None]),
    "an array": Way(lambda z: p(z).numpy()),
    "an array of half precision": Way(lambda z: p(z).numpy().astype(np.float16), slack=1e-3),
    "nested lists": Way(lambda z: p(z).tolist()),
    "a list of tensors": Way(lambda z: list(p(z))),
    "a list of tensors (1, K)": Way(lambda z: list(p(z).split(1))),
    "a list of arrays": Way(lambda z: list(p(z).numpy())),
    "a dict of logits": Way(lambda z: {"logits": z}, "logits", converted=_TAKEN),
    "a dict of probs and features": Way(lambda z: {"features": z[:, :4], "probs": p(z)}, converted=_TAKEN),
    "a dict of logits and probs": Way(lambda z: {"probs": p(z), "logits": z}, "logits", converted=_TAKEN),
    "a tuple of logits and features": Way(lambda z: (z, torch.zeros(len(z), 64)), "logits", converted=_TAKEN),
    "a list of features and logits": Way(lambda z: [torch.zeros(len(z), 64), z], "logits", converted=_TAKEN),
    "a named tuple": Way(lambda z: Output(z, z), "logits", converted=_TAKEN),
    "an object with logits": Way(ModelOutput, "logits", converted=_TAKEN),
    "labels": Way(label, "labels", "top1"),
    "labels (N, 1)": Way(lambda z: label(z)[:, None], "labels", "top1"),
    "labels as floats": Way(lambda z: label(z).double(), "labels", "top1"),
    "labels in a list": Way(lambda z: label(z).tolist(), "labels", "top1"),
    "labels in a dict": Way(lambda z: {"label": label(z)}, "labels", "top1", converted=_TAKEN),
    "whole one-hot rows": Way(lambda z: torch.nn.functional.one_hot(label(z), z.shape[1]), "labels", "top1"),
    "names of classes": Way(lambda z: [named(i) for i in label(z)], "labels", "top1", converted="names of classes"),
    "an array of names": Way(
        lambda z: np.array([named(i) for i in label(z)])[:, None], "labels", "top1", converted="names of classes"
    ),
    "LABEL_3": Way(lambda z: [f"LABEL_{i}" for i in label(z)], "labels", "top1", converted="names of classes"),
    "entries of all classes": Way(lambda z: entries(z, 10, named), converted="labels and scores"),
    "entries of the top 5": Way(lambda z: entries(z, 5, named), "topk", "topk:5", converted="labels and scores"),
    "entries by number": Way(lambda z: entries(z, 10, lambda i: i), converted="labels and scores"),
    "entries by LABEL_3": Way(lambda z: entries(z, 10, lambda i: f"LABEL_{i}"), converted="labels and scores"),
    "the first entry alone": Way(
        lambda z: [row[0] for row in entries(z, 1, named)], "topk", "topk:1", converted="labels and scores"
    ),
    "labels in dicts": Way(
        lambda z: [{"label": named(i)} for i in label(z)], "probs", "top1", converted="labels and scores"
    ),
    "dicts of scores by name": Way(
        lambda z: [dict(zip(CLASSES, row, strict=False)) for row in p(z).tolist()], converted="labels and scores"
    ),
}

#: Ways to answer that are refused when nobody says what they are, with what the refusal says.
REFUSED: dict[str, tuple[Callable[[Tensor], Any], str]] = {
    "doubled": (lambda z: p(z) * 2, "times 2 .*divide by 2, or say --outputs labels"),
    "per mille": (lambda z: p(z) * 1000, "times 1000 .*--outputs labels"),
    "one minus": (lambda z: 1 - p(z), "one minus the probabilities .*--outputs labels"),
    "min-max scaled": (
        lambda z: (z - z.amin(1, keepdim=True)) / (z.amax(1, keepdim=True) - z.amin(1, keepdim=True)),
        "scaled row by row, .*--outputs labels",
    ),
    "the highest scaled to 1": (lambda z: p(z) / p(z).amax(1, keepdim=True), "scaled row by row .*labels"),
    "probabilities cut off": (lambda z: p(z).clamp(0.05, 0.6), "cut off there .*--outputs sigmoid or labels"),
    "logits cut off": (lambda z: z.clamp(-2, 2), "(cut off there|scaled row by row).*--outputs labels"),
    "logits from 0 to 1": (lambda z: z.clamp(0, 1), "(cut off there|scaled row by row).*labels"),
    "logits after a ReLU": (torch.relu, "none is negative, as some logits are .*--outputs logits or labels"),
    "probabilities with noise": (
        lambda z: p(z) + 0.02 * torch.randn(z.shape, generator=torch.Generator().manual_seed(1)),
        "something was added to.*--outputs logits or labels",
    ),
    "some classes only": (lambda z: p(z) * 0.8, "(some classes only|times 0.8) .*labels"),
    "several kinds": (lambda z: torch.cat([p(z)[: len(z) // 2], z[len(z) // 2 :]]), "of several kinds .*labels"),
    "labels from 1": (lambda z: label(z) + 1, "count from 1 to 10 .*subtract 1"),
    "negative labels": (lambda z: label(z) - 1, "outside 0..9"),
    "unknown names": (lambda z: ["zebra" for _ in z], "'zebra', which is not one of the 10 classes"),
    "complex": (lambda z: torch.complex(z, z), "complex numbers"),
    "complex arrays": (lambda z: z.numpy().astype(complex), "complex numbers"),
    "sparse": (lambda z: p(z).to_sparse(), "sparse tensor"),
    "nothing": (lambda z: None, "with nothing"),
    "two members that fit": (lambda z: (z, z * 2), "several members fit .*call one member 'logits'"),
    "no member that fits": (lambda z: {"features": z[:, :4]}, r"no member fits \('features' \(64, 4\)\)"),
    "an empty dict": (lambda z: {}, "no member fits"),
    "a set": (lambda z: {1, 2}, "a set in which no answers"),
    "fractions": (lambda z: p(z)[:, 0], "one number for each image"),
    "other classes": (lambda z: z[:, :4], r"\(64, 4\) where \(64, 10\) is expected"),
    "columns for rows": (lambda z: z.T, r"\(10, 64\) where \(64, 10\) is expected"),
    "a class twice": (
        lambda z: [[{"label": 1, "score": 0.5}, {"label": 1, "score": 0.5}] for _ in z],
        "names a class twice",
    ),
    "words for scores": (lambda z: [[{"label": 1, "score": "high"}] for _ in z], "not a number"),
}
