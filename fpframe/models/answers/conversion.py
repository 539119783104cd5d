"""`Conversion`: from numbers of a kind to probabilities."""

from __future__ import annotations

import attrs
import torch
import torch.nn.functional as F
from torch import Tensor

from fpframe.models.answers.kinds import Outputs
from fpframe.models.answers.labels import one_hot
from fpframe.models.answers.shapes import plain


@attrs.frozen(kw_only=True)
class Conversion:
    """How numbers of a kind become probabilities.

    Attributes:
        kind: as what they are read.
        num_classes: number of classes K.
        scale: what they are divided by.
        offset: what is added to them before that.
        single: whether there is one number ``(N,)`` for each image, of the second of two classes.
    """

    kind: Outputs
    num_classes: int
    scale: float = 1.0
    offset: float = 0.0
    single: bool = False

    def __call__(self, numbers: Tensor) -> Tensor:
        """Return probabilities ``(N, K)`` in single precision; rows that are not finite stay so.

        Raises:
            UnreadError: labels are expected, and these are none.
        """
        if self.kind == "labels":
            return one_hot(numbers, self.num_classes)
        if self.kind == "logits":
            return F.softmax(_both(numbers, torch.zeros_like(numbers)) if self.single else numbers.float(), dim=1)
        if (self.scale, self.offset) != (1, 0):
            numbers = (numbers.double() + self.offset) / self.scale
        if self.single:
            return _both(numbers, 1 - numbers.double())
        return _from_sigmoids(numbers) if self.kind == "sigmoid" else numbers.float()

    @property
    def text(self) -> str:
        """What is done, in words; empty where it is nothing unusual."""
        said = []
        if self.offset:
            said.append(f"{plain(self.offset)} was added to them")
        if self.scale != 1:
            said.append(f"they were divided by {plain(self.scale)}")
        if self.single:
            what = "logit" if self.kind == "logits" else "probability"
            said.append(f"the single number for each image was taken for the {what} of class 1, the second one")
        elif self.kind == "sigmoid":
            said.append("the sigmoids were turned back into logits, and these into probabilities that sum to 1")
        return " and ".join(said)


def _both(second: Tensor, first: Tensor) -> Tensor:
    return torch.stack([first.float(), second.float()], 1)


def _from_sigmoids(numbers: Tensor) -> Tensor:
    """Return the softmax of the logits that sigmoids ``(N, K)`` were made of: of their odds, as shares of the sum."""
    finite = numbers.isfinite().all(1, keepdim=True)
    # one is a number so near to it that the element type knows no other
    most = 1 - torch.finfo(numbers.dtype).eps / 4 if numbers.is_floating_point() else 1 - 2**-25
    given = numbers.double().nan_to_num(0, 0, 0).clamp(0, most)
    odds = given / (1 - given)
    sums = odds.sum(1, keepdim=True)
    shares = torch.where(sums > 0, odds / sums.clamp_min(torch.finfo(torch.float64).tiny), 1 / numbers.shape[1])
    return torch.where(finite, shares, numbers.double()).float()
