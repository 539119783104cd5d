"""`digits`: scikit-learn's images, split once and for all."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

import fpframe
from fpframe_plugins.datasets.digits import Digits


def test_digits_are_8_bit_images_over_the_full_range() -> None:
    digits = Digits().open("", root=None)
    assert digits.image_shape == (1, 8, 8)
    assert digits.classes == tuple("0123456789")
    assert (int(digits.train.images.min()), int(digits.train.images.max())) == (0, 255)
    assert set(digits.train.images.unique().tolist()) == {round(level * 255 / 16) for level in range(17)}


def test_digits_are_split_once_and_for_all_by_class() -> None:
    first, second = (Digits().open("", root=None) for _ in range(2))
    torch.manual_seed(5)
    assert first.digest == second.digest
    assert (len(first.train), len(first.test)) == (1437, 360)
    assert set(first.test.labels.bincount().tolist()) <= {35, 36, 37}
    together = torch.cat([first.train.images, first.test.images]).flatten(1).tolist()
    assert sorted(together) == sorted(np.round(load_digits().data * 255 / 16).astype(int).tolist())


def test_digits_have_no_variants() -> None:
    with pytest.raises(fpframe.UsageError, match=r"'digits' has no variants \(got 'digits:test'\); write digits"):
        Digits().open("test", root=None)
