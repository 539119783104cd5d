"""Answers in words: names of classes, and lists of ``{label, score}``."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from fpframe.errors import nearest
from fpframe.models.answers.unread import UnreadError

_LABEL, _SCORE = ("label", "class", "name", "class_name"), ("score", "probability", "prob", "confidence")


def label_number(label: Any, classes: Sequence[str], count: int) -> int:
    """Return the number of a class by its name, its number, or ``LABEL_3``.

    Args:
        label: what the model says.
        classes: the names of the classes, as far as they are known.
        count: how many classes there are.

    Raises:
        UnreadError: there is no such class.
    """
    if isinstance(label, bytes):
        label = label.decode("utf-8", "replace")
    if isinstance(label, str):
        if label in classes:
            return list(classes).index(label)
        digits = re.fullmatch(r"(?:LABEL_)?(\d{1,9})", label)
        number = int(digits[1]) if digits else -1
    else:
        number = int(label) if isinstance(label, int | np.integer) and not isinstance(label, bool) else -1
    if not 0 <= number < count:
        known = nearest(str(label), classes) if classes else "; the names of the classes are not known here"
        numbers = (
            f"let it use the names of the classes, or numbers from 0 to {count - 1}; of a service, write its own names "
            "into its description as answer.classes"
        )
        raise UnreadError(
            f"the model answers with '{label}', which is not one of the {count} classes{known}",
            numbers,
        )
    return number


def names_as_labels(names: Sequence[Any], classes: Sequence[str], count: int) -> Tensor:
    """Return the labels ``(N,)`` that names of classes stand for."""
    return torch.tensor([label_number(name, classes, count) for name in names])


def scored_rows(answer: Sequence[Any], images: int, classes: Sequence[str], count: int) -> Tensor | None:
    """Return lists of ``{label, score}``, one list for each image, as rows ``(N, K)``; missing entries are zero.

    A single entry for each image may stand without its list, and so may all entries of a single image. Entries may also
    be ``{name: score, ...}``, one for each image. ``None`` where it is something else.

    Raises:
        UnreadError: a class is unknown or said twice, or a score is not a number.
    """
    entries = list(answer)
    if images == 1 and entries and all(isinstance(entry, Mapping) for entry in entries):
        entries = [entries]
    rows = [list(entry) if isinstance(entry, list | tuple) else [entry] for entry in entries]
    if len(rows) != images or not all(row and all(isinstance(each, Mapping) for each in row) for row in rows):
        return None
    filled = torch.zeros(images, count, dtype=torch.float64)
    for number, row in enumerate(rows):
        pairs = [pair for entry in row for pair in _pairs(entry)]
        labels = [label_number(label, classes, count) for label, _ in pairs]
        if len(set(labels)) < len(labels):
            raise UnreadError("the model names a class twice for one image", "let it give each class one score")
        for label, (_, score) in zip(labels, pairs, strict=True):
            filled[number, label] = _number(score)
    return filled


def says_scores(entry: Mapping[Any, Any], classes: Sequence[str]) -> bool:
    """Tell whether a dict is ``{label, score}``, or has a score for names of classes."""
    said = any(name in entry for name in _LABEL) and any(name in entry for name in _SCORE)
    return said or (bool(entry) and set(map(str, entry)) <= set(classes))


def _pairs(entry: Mapping[Any, Any]) -> list[tuple[Any, Any]]:
    """Return what an entry says, as pairs of label and score."""
    label = [name for name in _LABEL if name in entry]
    score = [name for name in _SCORE if name in entry]
    if label:  # the label alone is as good as one of which the model is sure
        return [(entry[label[0]], entry[score[0]] if score else 1.0)]
    return list(entry.items())


def _number(score: Any) -> float:
    try:
        return float(score)
    except (TypeError, ValueError) as error:
        raise UnreadError(f"the model gives a score that is not a number ({score!r})", "let it give numbers") from error
