"""Support vector machines, as a network that holds their support vectors.

Not a plugin: `sklearn` uses it.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from fpframe.models import Fitted
from fpframe_plugins.backbones._pixel_rows import rows_of, some_of, squared_distances, width_of

#: Margins of support vectors lie around one; times this they make probabilities as sure as those of a network.
_SHARPNESS = 4.0


class KernelMachine(Fitted):
    """One support vector machine with a Gaussian kernel for each class against all others, fitted by scikit-learn.

    Args:
        classes: number of classes K.
        image_shape: channels, height and width of images.
        cost: of an image on the wrong side of its margin.
        narrowness: of the kernel, as a multiple of scikit-learn's ``scale``.
        images: that are learned, at most.
    """

    vectors: Tensor
    coefficients: Tensor
    bias: Tensor
    gamma: Tensor

    def __init__(
        self, classes: int, image_shape: tuple[int, int, int], *, cost: float, narrowness: float, images: int
    ) -> None:
        super().__init__()
        self.classes, self.cost, self.narrowness, self.images = classes, cost, narrowness, images
        self.register_buffer("vectors", torch.zeros(1, width_of(image_shape)))
        self.register_buffer("coefficients", torch.zeros(1, classes))
        self.register_buffer("bias", torch.zeros(classes))
        self.register_buffer("gamma", torch.ones(()))

    def forward(self, pixels: Tensor) -> Tensor:
        """Return logits ``(N, K)`` from how far an image is on the side of each class."""
        kernel = (-self.gamma * squared_distances(rows_of(pixels), self.vectors)).exp()
        return _SHARPNESS * (kernel @ self.coefficients + self.bias)

    def fit(self, pixels: Tensor, labels: Tensor, *, seed: int) -> None:
        """Fit one machine for each class."""
        from sklearn.svm import SVC

        rows, wanted = some_of(pixels, labels, self.images, seed)
        self.gamma = torch.tensor(self.narrowness / (rows.shape[1] * max(float(rows.var()), 1e-6)))
        kernel = (-self.gamma * squared_distances(rows, rows)).exp().double().numpy()
        coefficients = np.zeros((len(rows), self.classes))
        bias = np.full(self.classes, -1.0)  # a class that no image has is the wrong side
        for label in np.unique(wanted.numpy()).tolist():
            inside = wanted.numpy() == label
            if inside.all():
                bias[label] = 1.0
                continue
            machine = SVC(C=self.cost, kernel="precomputed").fit(kernel, inside)
            coefficients[machine.support_, label] = machine.dual_coef_[0]
            bias[label] = machine.intercept_[0]
        support = np.abs(coefficients).sum(1) > 0
        support[0] = True  # one at least, so that there is something to multiply
        self.vectors = rows[torch.from_numpy(support)].clone()
        self.coefficients = torch.from_numpy(coefficients[support]).float()
        self.bias = torch.from_numpy(bias).float()
