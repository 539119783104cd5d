"""Logistic regression on pixels.

Not a plugin: `sklearn` uses it.
"""

from __future__ import annotations

import warnings

import torch
from torch import Tensor

from fpframe.models import Fitted
from fpframe_plugins.backbones._pixel_rows import rows_of, some_of, width_of

#: Logit of a class that no image has.
_NEVER = -30.0
_ROUNDS = 100


class Logistic(Fitted):
    """Logistic regression on pixels, fitted by scikit-learn's L-BFGS.

    Args:
        classes: number of classes K.
        image_shape: channels, height and width of images.
        cost: of errors, against that of large weights.
        images: that are learned, at most.
    """

    weight: Tensor
    bias: Tensor

    def __init__(self, classes: int, image_shape: tuple[int, int, int], *, cost: float, images: int) -> None:
        super().__init__()
        self.cost, self.images = cost, images
        self.register_buffer("weight", torch.zeros(classes, width_of(image_shape)))
        self.register_buffer("bias", torch.zeros(classes))

    def forward(self, pixels: Tensor) -> Tensor:
        """Return logits ``(N, K)``."""
        return rows_of(pixels) @ self.weight.T + self.bias

    def fit(self, pixels: Tensor, labels: Tensor, *, seed: int) -> None:
        """Fit weights and biases."""
        from sklearn.linear_model import LogisticRegression

        rows, wanted = some_of(pixels, labels, self.images, seed)
        weight, bias = torch.zeros_like(self.weight), torch.full_like(self.bias, _NEVER)
        known = wanted.unique().tolist()
        if len(known) == 1:
            bias[known] = 0.0
        else:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # it need not converge to be somebody's model
                model = LogisticRegression(C=self.cost, max_iter=_ROUNDS).fit(rows.numpy(), wanted.numpy())
            slopes, starts = (torch.from_numpy(array).float() for array in (model.coef_, model.intercept_))
            if len(known) == 2:  # one row, for the second class against the first
                slopes, starts = torch.cat([-slopes, slopes]) / 2, torch.cat([-starts, starts]) / 2
            weight[known], bias[known] = slopes, starts
        self.weight, self.bias = weight, bias
