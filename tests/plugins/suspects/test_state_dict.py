"""Files of weights, which need a backbone."""

import pytest
import torch
from safetensors.torch import save_file

from fpframe import ModelError, UsageError
from fpframe.opening.backbones import build_backbone
from fpframe.opening.weights import save_weights
from plugins.suspects.one_network import SHAPE, K, assert_refused, expected, make, pixels


def test_weights_without_a_backbone_ask_for_it(files, opened):
    assert_refused(UsageError, "holds weights only; .*--backbone", opened, str(files / "net.safetensors"))


@pytest.mark.parametrize("kind", ["missing", "unexpected", "misshaped"])
def test_weights_of_another_network_are_refused(opened, architecture, kind):
    state = make(classes=7 if kind == "misshaped" else K).state_dict()
    if kind == "missing":
        del state["head.bias"]
    if kind == "unexpected":
        state["tail.bias"] = torch.zeros(2)
    save_file(state, "a.safetensors")
    message = {
        "missing": r"missing head\.bias",
        "unexpected": r"unexpected tail\.bias",
        "misshaped": r"\(7, 16\)",
    }
    assert_refused(
        ModelError,
        f"backbone '{architecture}' .*{message[kind]}",
        opened,
        "a.safetensors",
        backbone=architecture,
    )


def test_weights_saved_from_a_python_backbone_open_as_a_suspect(opened, registry, architecture):
    model = build_backbone(registry, architecture, K, SHAPE, seed=4)
    save_weights(model, "a.safetensors")
    answers = opened("a.safetensors", backbone=architecture)(pixels())
    torch.testing.assert_close(answers, expected(pixels(), model.eval()))
