"""What is found out about rows of numbers: a kind of answers, or something else."""

from __future__ import annotations

import attrs

from fpframe.models.answers.kinds import Outputs


@attrs.frozen(kw_only=True)
class Finding:
    """What answers are.

    Attributes:
        kind: as what to read them.
        evidence: what they look like, in words.
        scale: what to divide them by.
        offset: what to add to them before that.
        doubt: what they might be as well, in words; empty for nothing.
    """

    kind: Outputs
    evidence: str
    scale: float = 1.0
    offset: float = 0.0
    doubt: str = ""


@attrs.frozen(kw_only=True)
class Misfit:
    """Answers that are something else, or may be several things.

    Attributes:
        evidence: what they look like, and what that means, in words.
        remedy: what to do about it, besides saying what they are.
        kinds: what they may be said to be.
        settled: whether saying ``logits`` settles it, so that no doubt is left.
    """

    evidence: str
    remedy: str = ""
    kinds: tuple[str, ...] = ("labels",)
    settled: bool = False
