"""`Holding`: later answers are held to what the first ones showed, so that nobody changes the kind unseen."""

from __future__ import annotations

import attrs
import torch
from torch import Tensor

from fpframe.models.answers.conversion import Conversion
from fpframe.models.answers.finding import LEAST, MIXED
from fpframe.models.answers.kinds import CALLED
from fpframe.models.answers.rows import distinct, extent
from fpframe.models.answers.shares import out_of_range, share_rows, step_of
from fpframe.models.answers.unread import UnreadError


@attrs.frozen(kw_only=True)
class Holding:
    """What later answers are held to.

    Attributes:
        conversion: how they are read.
        told: whether somebody said so; then they need only lie where answers of the kind do.
        shares: whether the first ones summed to the same total.
        step: what these were rounded to.
        negative: whether most rows of the first ones had a negative number.
    """

    conversion: Conversion
    told: bool
    shares: bool = False
    step: float = 0.0
    negative: bool = False

    @classmethod
    def of(cls, conversion: Conversion, numbers: Tensor, *, told: bool) -> Holding:
        """Return what answers are held to that follow on the first ones."""
        if conversion.single or conversion.kind == "labels":
            return cls(conversion=conversion, told=told)
        rows = _raised(distinct(numbers), conversion)
        step = step_of(rows, conversion.scale)
        negative = bool((rows < 0).any(1).double().mean() > 0.5) if len(rows) else False
        shares = conversion.kind in ("probs", "percent") and not told
        return cls(conversion=conversion, told=told, shares=shares, step=step, negative=negative)

    def check(self, numbers: Tensor) -> None:
        """Look at later answers.

        Raises:
            UnreadError: they are of another kind.
        """
        kind = self.conversion.kind
        if (numbers.ndim == 1) != (self.conversion.single or (kind == "labels" and numbers.ndim == 1)):
            raise self._changed(f"shape {tuple(numbers.shape)}")
        if kind == "labels":
            return
        self._check_range(numbers)
        if self.conversion.single or self.told:
            return
        rows = _raised(distinct(numbers), self.conversion)
        if not len(rows):
            return
        if self.shares:
            step = max(self.step, step_of(rows, self.conversion.scale))
            fitting = share_rows(rows, self.conversion.scale, step=step)
            if float((~fitting).double().mean()) > MIXED:
                raise self._changed(extent(rows))
        elif kind == "logits" and self.negative:
            fitting = torch.stack([share_rows(rows, total) for total in (1.0, 100.0)]).any(0)
            several = int(fitting.sum()) > 1 and float(fitting.double().mean()) > MIXED
            if several or (len(rows) >= LEAST and bool((rows >= 0).all())):
                raise self._changed(extent(rows))
        elif kind == "sigmoid" and len(rows) >= LEAST and bool(share_rows(rows).all()):
            raise self._changed(extent(rows))

    def _check_range(self, numbers: Tensor) -> None:
        if self.conversion.kind == "logits":
            return
        finite = _raised(numbers[numbers.isfinite()].double(), self.conversion) / self.conversion.scale
        if bool(out_of_range(finite).any()):
            low, high = (float(end) * self.conversion.scale for end in (finite.min(), finite.max()))
            raise self._changed(f"values from {low:.3g} to {high:.3g}")

    def _changed(self, what: str) -> UnreadError:
        expected = CALLED[self.conversion.kind]
        return UnreadError(
            f"the model answers with {what} where {expected} are expected, which it answered with at first",
            "let it answer the same way throughout",
            changed=True,
        )


def _raised(rows: Tensor, conversion: Conversion) -> Tensor:
    return rows + conversion.offset
