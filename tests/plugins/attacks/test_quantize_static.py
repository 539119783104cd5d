"""The attack `quantize-static`: a network of whole numbers, which is stored and opened like any other model."""

from __future__ import annotations

import copy
import pickle
import sys

import onnx
import pytest
import torch

import fpframe
from fpframe import AttackContext, Classifier, ModelError, Training
from fpframe.testing.bench import CLASSES, Bench
from fpframe_plugins.attacks.quantize_static import Int8Network, QuantizeStatic

CONTEXT = AttackContext(training=Training())


@pytest.fixture(scope="module")
def victim() -> Classifier:
    return Bench().classifier()


@pytest.fixture(scope="module")
def stolen(victim) -> Classifier:
    return QuantizeStatic(images=32).simulate(
        copy.deepcopy(victim), None, Bench().images(64, seed=5), context=CONTEXT, seed=0
    )


def test_weights_and_activations_are_whole_numbers(stolen):
    graph = onnx.load_from_string(stolen.module.file.numpy().tobytes()).graph
    makers = {name: node.op_type for node in graph.node for name in node.output}
    types = {each.name: each.data_type for each in graph.initializer}
    weighted = [node for node in graph.node if node.op_type in ("Conv", "Gemm")]
    assert [node.op_type for node in weighted] == ["Conv", "Conv", "Gemm"]
    for node in weighted:
        assert [makers[name] for name in node.input[:2]] == ["DequantizeLinear"] * 2
        [weight] = [each.input[0] for each in graph.node if node.input[1] in each.output]
        assert types[weight] == onnx.TensorProto.INT8


def test_it_answers_nearly_as_its_victim_does(victim, stolen):
    pixels = Bench().images(200, seed=6).pixels
    assert float((victim.labels(pixels) == stolen.labels(pixels)).float().mean()) > 0.9
    assert not torch.equal(victim.logits(pixels), stolen.logits(pixels))
    assert stolen.logits(pixels).unique().numel() <= 256 < victim.logits(pixels).unique().numel()


def test_it_is_its_state_and_can_be_copied(stolen):
    pixels = Bench().images(8, seed=6).pixels
    expected = stolen.logits(pixels)
    again = QuantizeStatic().join(Bench().untrained(), Bench().untrained())
    again.load_state_dict(stolen.state_dict())
    for other in (again, copy.deepcopy(stolen), pickle.loads(pickle.dumps(stolen))):
        assert torch.equal(other.logits(pixels), expected)


def test_nothing_of_it_can_be_trained(stolen):
    few = Bench().images(8)
    with pytest.raises(ModelError, match="has no weights that could be trained"):
        fpframe.train(copy.deepcopy(stolen), few.pixels, few.labels, Training(epochs=1), seed=0)


def test_whole_numbers_are_not_made_of_whole_numbers(stolen):
    with pytest.raises(ModelError, match=r"^the network is of whole numbers already \(quantize-static\); leave"):
        QuantizeStatic().simulate(copy.deepcopy(stolen), None, Bench().images(8), context=CONTEXT, seed=0)


def test_a_network_that_cannot_be_exported_is_refused_in_one_line():
    class Branching(torch.nn.Module):
        def forward(self, pixels):
            return pixels.flatten(1)[:, :CLASSES] * int(pixels.sum().item() > 3)

    few = Bench().images(8)
    model = Classifier(Branching(), num_classes=CLASSES, image_shape=(1, 12, 12))
    with pytest.raises(
        ModelError, match=r"^the network cannot be quantised: [^\x1b]* \(quantize-static\); take 'quantize'$"
    ):
        QuantizeStatic().simulate(model, None, few, context=CONTEXT, seed=0)


def test_a_missing_library_is_named_with_what_installs_it(victim, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime.quantization", None)
    with pytest.raises(fpframe.UsageError, match=r"^onnxruntime is not installed \(quantize-static\); pip install"):
        QuantizeStatic().simulate(copy.deepcopy(victim), None, Bench().images(8), context=CONTEXT, seed=0)


def test_an_empty_network_is_what_is_filled_later():
    assert Int8Network().file.numel() == 0
