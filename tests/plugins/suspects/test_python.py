"""Suspects and backbones that a user's own code makes."""

import random

import numpy as np
import pytest
import torch

from fpframe import ModelError, UsageError
from fpframe.opening.backbones import build_backbone
from plugins.suspects.one_network import SHAPE, K, assert_refused, pixels


def test_python_addresses_name_a_function_that_is_asked(opened, user_module):
    source = "def predict(pixels, temperature=1):\n    return pixels.flatten(1)[:, :5].softmax(1)\n"
    name = user_module(source)
    answers = opened(f"python:{name}:predict")(pixels())
    torch.testing.assert_close(answers, pixels().flatten(1)[:, :5].softmax(1))


@pytest.mark.parametrize(
    "source",
    [
        "def suspect():\n    return Net()",
        "def suspect(pretrained=False, **options):\n    return Net()",
        "suspect = Net",
        "suspect = Net()",
        "def suspect():\n    net = Net()\n    return lambda pixels: net(pixels).softmax(1)",
    ],
    ids=["function", "optional-arguments", "class", "instance", "makes-a-function"],
)
def test_python_addresses_name_what_makes_a_network(opened, user_module, source):
    name = user_module(
        "from torch import nn\n\nclass Net(nn.Module):\n    def forward(self, pixels):\n"
        f"        return pixels.flatten(1)[:, :5] * 3 - 1\n\n{source}\n"
    )
    answers = opened(f"python:{name}:suspect")(pixels())
    torch.testing.assert_close(answers, (pixels().flatten(1)[:, :5] * 3 - 1).softmax(1))


def test_a_factory_leaves_global_random_state_as_found(opened, user_module):
    name = user_module(
        "import random, numpy, torch\n\ndef make():\n    random.random(), numpy.random.rand()\n"
        "    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 5))\n"
    )
    before = (random.getstate(), torch.get_rng_state().tolist(), np.random.get_state()[1].tolist())  # noqa: NPY002
    first, second = opened(f"python:{name}:make"), opened(f"python:{name}:make")
    after = (random.getstate(), torch.get_rng_state().tolist(), np.random.get_state()[1].tolist())  # noqa: NPY002
    assert before == after
    assert torch.equal(first(pixels()), second(pixels()))


@pytest.mark.parametrize(
    ("source", "function", "error", "message"),
    [
        ("def predict(x): ...", "predcit", UsageError, "no function 'predcit'; did you mean 'predict'"),
        ("import gone_module_xyz", "predict", UsageError, "No module named 'gone_module_xyz'"),
        ("def f(x, y): ...", "f", UsageError, "the function needs x, y"),
        ("def f(*, x): ...", "f", UsageError, "the function needs x"),
        ("def f(): return 3", "f", ModelError, "returned a int"),
        ("def f(): raise OSError('no weights\\nhere')", "f", ModelError, "failed: no weights "),
    ],
)
def test_unusable_user_code_is_one_clear_error(opened, user_module, source, function, error, message):
    assert_refused(error, message, opened, f"python:{user_module(source)}:{function}")


def test_an_unknown_module_and_a_malformed_python_address_are_usage_errors(opened):
    assert_refused(UsageError, "cannot import module 'gone_module_xyz'", opened, "python:gone_module_xyz:f")
    assert_refused(UsageError, "write python:MODULE:FUNCTION", opened, "python:gone_module_xyz")


def test_a_python_backbone_is_fresh_by_seed_and_leaves_random_state_as_found(registry, architecture):
    before = torch.get_rng_state()
    first, again, other = (build_backbone(registry, architecture, K, SHAPE, seed) for seed in (1, 1, 2))
    assert torch.equal(before, torch.get_rng_state())
    assert first.address == architecture
    assert torch.equal(first.module.conv.weight, again.module.conv.weight)
    assert not torch.equal(first.module.conv.weight, other.module.conv.weight)


@pytest.mark.parametrize(
    ("source", "error", "message"),
    [
        ("def make(): return 3", ModelError, "backbone function returned a int"),
        ("def make(x): ...", ModelError, "cannot be built: .*missing 1 required"),
        ("from torch.nn import Flatten as make", ModelError, r"\(2, 64\) where \(2, 5\)"),
        ("from torch.nn import *\nmake = lambda: Conv2d(3, 5, 3)", ModelError, "does not take images"),
    ],
)
def test_a_python_backbone_that_does_not_fit_is_refused(registry, user_module, source, error, message):
    address = f"python:{user_module(source)}:make"
    assert_refused(error, message, build_backbone, registry, address, K, SHAPE)
