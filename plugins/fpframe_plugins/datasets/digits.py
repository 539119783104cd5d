"""`digits`: the 1 797 handwritten digits that come with scikit-learn, so that nothing need be downloaded."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import attrs
import numpy as np

import fpframe

#: Of the split, which is one and the same for everybody.
_SPLIT_SEED = 0
_TEST_SHARE = 0.2


@attrs.frozen(kw_only=True)
class Digits(fpframe.DatasetSource):
    """Grey images ``(N, 1, 8, 8)`` of the digits 0 to 9, with a fixed stratified split of 80 to 20.

    Source: scikit-learn's ``load_digits`` (Alpaydin and Kaynak, UCI Optical Recognition of Handwritten
    Digits, 1998). Its 17 grey levels are spread over the 8-bit range.
    """

    name: ClassVar[str] = "digits"

    def open(self, rest: str, *, root: Path | None) -> fpframe.Dataset:
        """Return the digits; `rest` must be empty and `root` is not used.

        Raises:
            UsageError: something stands after ``digits:``.
        """
        # scikit-learn takes a second to import
        from sklearn.datasets import load_digits
        from sklearn.model_selection import train_test_split

        if rest:
            raise fpframe.UsageError(f"data set 'digits' has no variants (got 'digits:{rest}'); write digits")
        values, labels = load_digits(return_X_y=True)
        images = np.round(values * (255 / 16)).astype(np.uint8).reshape(-1, 1, 8, 8)
        train, test = train_test_split(
            np.arange(len(labels)), test_size=_TEST_SHARE, random_state=_SPLIT_SEED, stratify=labels
        )
        return fpframe.Dataset.from_arrays(
            (images[train], labels[train]),
            (images[test], labels[test]),
            classes=[str(digit) for digit in range(10)],
            address=self.name,
        )


@fpframe.hookimpl
def fpframe_components() -> list[type[fpframe.Component]]:
    """Offer the data set."""
    return [Digits]
