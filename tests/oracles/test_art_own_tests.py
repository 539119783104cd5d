"""ART's own tests of DeepFool and universal perturbations, run on ours behind ART's constructors.

Their files are unpacked from ART's source distribution when the tests run; nothing of them is kept here. Tests of
TensorFlow, Keras and tables are left out, since ours take images and networks of PyTorch, and so are those of ART's
own checks. One test of each file remains; its MNIST is made of the digits of scikit-learn, for nothing is fetched.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import tarfile
import types
import unittest
from pathlib import Path
from typing import Any

import art
import numpy as np
import pytest
import torch
from art.attacks.evasion import deepfool as art_deepfool, universal_perturbation as art_universal
from art.estimators.classification import PyTorchClassifier
from torch import nn

import fpframe
from fpframe_plugins.perturbations.deepfool import Deepfool
from fpframe_plugins.perturbations.uap_deepfool import UapDeepfool
from oracles.small_model import digits

NAME = "adversarial-robustness-toolbox"


def classifier_of(estimator: Any) -> fpframe.Classifier:
    """Return the network of an estimator as ours are given it."""
    return fpframe.Classifier(estimator.model, num_classes=estimator.nb_classes, image_shape=estimator.input_shape)


class OurDeepfool(art_deepfool.DeepFool):
    """ART's constructor and checks, and our steps."""

    def generate(self, x, y=None, **kwargs):
        ours = Deepfool(steps=self.max_iter, overshoot=self.epsilon, classes=max(2, self.nb_grads))
        pixels = torch.from_numpy(x)
        made = ours(classifier_of(self.estimator), pixels, torch.zeros(len(x), dtype=torch.int64), seed=0)
        return (pixels + made.delta).clamp(0, 1).numpy()


class OurUniversalPerturbation(art_universal.UniversalPerturbation):
    """ART's constructor and checks, and our passes."""

    def generate(self, x, y=None, **kwargs):
        ours = UapDeepfool(epsilon=min(self.eps, 0.99), target=1 - self.delta, passes=self.max_iter)
        pixels, model = torch.from_numpy(x), classifier_of(self.estimator)
        made = ours(model, pixels, torch.zeros(len(x), dtype=torch.int64), seed=0)
        moved = (pixels + made.delta).clamp(0, 1)
        self._noise = made.delta.numpy()
        self._fooling_rate = float((model.labels(moved) != model.labels(pixels)).float().mean())
        self._converged = bool(made.converged)
        return moved.numpy()


def images(rows: slice) -> np.ndarray:
    """Return digits in the size and layout in which ART's tests expect theirs, ``(N, 28, 28, 1)``."""
    wide = digits()[0][rows, 0].repeat_interleave(3, 1).repeat_interleave(3, 2)
    return np.pad(wide.numpy(), ((0, 0), (2, 2), (2, 2)))[..., None]


def network(from_logits: bool = False, **_: Any) -> PyTorchClassifier:
    """Return a classifier of these images."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        layers = nn.Sequential(nn.Flatten(), nn.Linear(784, 10))
    model = fpframe.Classifier(layers, num_classes=10, image_shape=(1, 28, 28))
    pixels = torch.from_numpy(images(slice(1000))).permute(0, 3, 1, 2)
    fpframe.train(model, pixels, digits()[1][:1000], fpframe.Training(epochs=4, learning_rate=1e-2), seed=0)
    return PyTorchClassifier(
        model.eval(), loss=nn.CrossEntropyLoss(), input_shape=(1, 28, 28), nb_classes=10, clip_values=(0, 1),
        device_type="cpu",
    )  # fmt: skip


class TestBase(unittest.TestCase):
    """What ART's tests find their images in."""

    @classmethod
    def setUpClass(cls):
        labels = np.eye(10, dtype=np.float32)[digits()[1].numpy()]
        cls.x_train_mnist, cls.y_train_mnist = images(slice(1000)), labels[:1000]
        cls.x_test_mnist, cls.y_test_mnist = images(slice(1000, 1100)), labels[1000:1100]


def left_out(*_: Any, **__: Any) -> None:
    raise unittest.SkipTest("of another library, or of tables")


def stand_in(name: str, **members: Any) -> types.ModuleType:
    module = types.ModuleType(name)
    vars(module).update(members)
    return module


@pytest.fixture(scope="module")
def sources(tmp_path_factory) -> Path:
    """ART's tests, as its source distribution has them."""
    folder = tmp_path_factory.mktemp("art")
    command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-binary", NAME, "-d", folder]
    done = subprocess.run([*command, f"{NAME}=={art.__version__}"], capture_output=True, text=True, check=False)
    found = list(folder.glob("*.tar.gz"))
    if not found:
        if "CI" in os.environ:
            pytest.fail(f"ART's source distribution cannot be downloaded: {done.stderr}")
        pytest.skip("ART's source distribution cannot be downloaded here")
    with tarfile.open(found[0]) as archive:
        archive.extractall(folder, filter="data")
    return next(folder.glob("*/tests"))


@pytest.mark.parametrize(
    ("file", "module", "name", "ours"),
    [
        ("test_deepfool.py", art_deepfool, "DeepFool", OurDeepfool),
        ("test_universal_perturbation.py", art_universal, "UniversalPerturbation", OurUniversalPerturbation),
    ],
    ids=["deepfool", "uap"],
)
def test_arts_own_tests_pass_with_our_methods(file, module, name, ours, sources, monkeypatch):
    others = ("image_classifier_kr", "image_classifier_tf", "tabular_classifier_kr", "tabular_classifier_pt")
    skipped = {f"get_{other}": left_out for other in (*others, "tabular_classifier_tf")}
    utils = stand_in("tests.utils", TestBase=TestBase, get_image_classifier_pt=network, **skipped)
    checks = stand_in("tests.attacks.utils", backend_test_classifier_type_check_fail=left_out)
    for each in (stand_in("tests"), stand_in("tests.attacks"), utils, checks, stand_in("keras", __version__="3.0")):
        monkeypatch.setitem(sys.modules, each.__name__, each)
    monkeypatch.setattr(module, name, ours)
    spec = importlib.util.spec_from_file_location("art_tests", sources / "attacks" / file)
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    result = unittest.TestResult()
    unittest.defaultTestLoader.loadTestsFromModule(loaded).run(result)
    assert [text for _, text in (*result.failures, *result.errors)] == []
    left = {test.id().rpartition(".")[2] for test, _ in result.skipped}
    assert result.testsRun > len(left)
    assert "test_5_pytorch_mnist" not in left
    assert hasattr(vars(loaded)[f"Test{name}"], "test_5_pytorch_mnist")
