"""The kinds of answers, and the words of ``--outputs`` for them."""

from __future__ import annotations

from typing import Literal, get_args

#: How answers are read: looked at (``auto``), or as one of the kinds.
Outputs = Literal["auto", "logits", "probs", "percent", "sigmoid", "labels", "topk"]
OUTPUTS: tuple[str, ...] = get_args(Outputs)

#: What each kind is called in sentences.
CALLED: dict[str, str] = {
    "logits": "logits",
    "probs": "probabilities",
    "percent": "percentages",
    "sigmoid": "one sigmoid for each class",
    "labels": "labels",
    "topk": "the highest probabilities alone",
}


def options(*kinds: str) -> str:
    """Return the options that say that answers are of one of some kinds, such as ``--outputs logits or labels``."""
    *most, last = kinds
    return f"--outputs {', '.join(most)} or {last}" if most else f"--outputs {last}"
