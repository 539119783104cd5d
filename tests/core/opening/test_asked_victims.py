"""Victims that can only be asked: what they give, what they do not, and what is left out for want of it."""

from __future__ import annotations

import pickle
import sys
from collections import OrderedDict
from pathlib import Path

import attrs
import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from torch import nn

import fpframe
from fpframe.enrolment.method import plan_enrolment
from fpframe.enrolment.victim_sight import gradient_share
from fpframe.errors import ModelError, RecipeError, UsageError
from fpframe.opening import AskedModel, Victim
from fpframe.recipe import Recipe, Run
from fpframe.rng import isolated
from fpframe.zoo import Setting, open_workspace, plan_models, prepare, thefts_of_weights


@pytest.fixture(scope="module")
def digits(registry) -> fpframe.Dataset:
    return registry.create("dataset", "digits").open("", root=None)


def network() -> nn.Sequential:
    """Return the same network every time."""
    with isolated(1):
        return nn.Sequential(nn.Flatten(), nn.Linear(64, 10)).eval()


def regression() -> LogisticRegression:
    layer, found = network()[1], LogisticRegression()
    found.coef_, found.intercept_ = layer.weight.detach().double().numpy(), layer.bias.detach().double().numpy()
    found.classes_, found.n_features_in_ = np.arange(10), 64
    return found


def onnx_file(folder: Path, weight: np.ndarray | None = None, bias: np.ndarray | None = None) -> str:
    """Write the network, or one with other weights."""
    layer = network()[1]
    weight = layer.weight.detach().numpy() if weight is None else weight.astype(np.float32)
    bias = layer.bias.detach().numpy() if bias is None else bias.astype(np.float32)
    nodes = [
        helper.make_node("Flatten", ["images"], ["rows"]),
        helper.make_node("Gemm", ["rows", "weight", "bias"], ["logits"], transB=1),
    ]
    graph = helper.make_graph(
        nodes,
        "victim",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["count", 1, 8, 8])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["count", 10])],
        [
            numpy_helper.from_array(weight, "weight"),
            numpy_helper.from_array(bias, "bias"),
        ],
    )
    path = folder / "victim.onnx"
    onnx.save_model(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)
    return str(path)


def function(pixels: torch.Tensor) -> np.ndarray:
    return network()(pixels).softmax(1).detach().numpy()


ASKED = {"function": lambda folder: function, "scikit-learn": lambda folder: regression(), "onnx": onnx_file}


@pytest.mark.parametrize("kind", ASKED)
def test_a_victim_that_can_only_be_asked_answers_as_the_model_does(kind, digits, registry, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx2torch", None)  # or the file would become a network
    victim, backbone = Victim(ASKED[kind](tmp_path)).open(digits, registry)
    pixels = digits.test.pixels[:50]
    assert isinstance(victim.module, AskedModel)
    assert backbone is None
    with torch.no_grad():
        expected = network()(pixels).softmax(1)
    assert float((victim.logits(pixels).softmax(1) - expected).abs().max()) < 1e-5
    assert gradient_share(victim, pixels[:8]) == 0
    assert list(victim.parameters()) == []


def test_mean_and_std_come_before_a_victim_that_is_asked(digits, registry):
    victim, _ = Victim(function, mean=0.5, std=0.25).open(digits, registry)
    pixels = digits.test.pixels[:20]
    with torch.no_grad():
        expected = network()((pixels - 0.5) / 0.25).softmax(1)
    assert float((victim.logits(pixels).softmax(1) - expected).abs().max()) < 1e-5


def test_a_victim_of_labels_alone_is_refused(digits, registry):
    with pytest.raises(ModelError, match=r"answers with labels alone .* give a model that tells them"):
        Victim(lambda pixels: network()(pixels).argmax(1)).open(digits, registry)


def test_weights_beside_a_victim_that_has_its_own_are_refused(digits, registry):
    with pytest.raises(UsageError, match=r"'w\.pt' does not apply to a victim that brings its own weights"):
        Victim(function, weights="w.pt").open(digits, registry)


class Mapped(nn.Module):
    """A network whose logits lie in a mapping, as those of transformers."""

    def __init__(self):
        super().__init__()
        self.inner = network()

    def forward(self, images):
        return OrderedDict(logits=self.inner(images))


@pytest.mark.parametrize("make", [network, Mapped])
def test_a_network_keeps_its_weights_and_gradients_whatever_wraps_its_logits_up(make, digits, registry):
    victim, _ = Victim(make()).open(digits, registry)
    pixels = digits.test.pixels[:20]
    assert torch.allclose(victim.logits(pixels), network()(pixels), atol=1e-6)
    assert gradient_share(victim, pixels[:8]) == 1
    assert len(list(victim.parameters())) == 2


def test_a_victim_at_an_address_is_opened_again_in_another_process(digits, registry, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx2torch", None)
    victim, _ = Victim(onnx_file(tmp_path)).open(digits, registry)
    again = pickle.loads(pickle.dumps(victim))
    assert isinstance(again.module, AskedModel)
    assert again.module.query.outputs == "logits"
    assert torch.equal(again.logits(digits.test.pixels[:20]), victim.logits(digits.test.pixels[:20]))


def set_up(victim: Victim | None, recipe: Recipe, registry, store: Path) -> Setting:
    run = Run(registry=registry, store=store)
    return prepare(victim, recipe, open_workspace(recipe, None, run), run, may_train=False)


@pytest.fixture(scope="module")
def asked(registry, tmp_path_factory) -> Setting:
    return set_up(Victim(function), Recipe.load("tiny"), registry, tmp_path_factory.mktemp("store"))


def test_thefts_that_modify_weights_are_left_out_and_a_caveat_names_them(asked, registry):
    left_out = thefts_of_weights(asked.recipe, registry)
    assert left_out == asked.thefts_left_out
    assert left_out == (
        "finetune(all)",
        "finetune(all)->extract(soft)",
        "prune(0.4)->finetune(all)",
        "quantize(int8)",
    )
    [note] = [note for note in asked.caveats if note.code == "thefts-left-out"]
    assert all(theft in note.text for theft in left_out)
    plan = plan_models(asked.recipe, registry, without=asked.without)
    made = {model.stratum for model in plan if model.relation == "derived"}
    assert made == {
        "extract(soft)",
        "extract-noise(soft)",
        "extract-noise(top1)",
        "extract-adversarial(soft)",
    }
    # innocent models are modified all the same: whoever has their weights can
    assert any(model.stratum == "attacked" for model in plan)


def test_a_network_leaves_no_theft_out(registry, tmp_path):
    setting = set_up(Victim(network()), Recipe.load("tiny"), registry, tmp_path)
    assert setting.thefts_left_out == ()
    assert "thefts-left-out" not in {note.code for note in setting.caveats}


def test_a_recipe_with_nothing_but_thefts_of_weights_is_refused_and_says_why(asked, registry):
    groups = tuple(group for group in asked.recipe.derived if group.attack in asked.thefts_left_out)
    with pytest.raises(RecipeError, match=r"need the victim's weights .* add a theft that only asks"):
        plan_enrolment(attrs.evolve(asked.recipe, derived=groups), registry, asked.without)


def test_two_victims_that_can_only_be_asked_are_told_apart_by_their_labels(digits, registry, tmp_path):
    settings = [
        set_up(Victim(each), Recipe.load("tiny"), registry, tmp_path)
        for each in (function, function, lambda pixels: function(pixels)[:, ::-1].copy())
    ]
    keys = [setting.victim.key for setting in settings]
    assert keys[0] == keys[1] != keys[2]


@pytest.fixture(scope="module")
def able() -> LogisticRegression:
    """A classifier that is good enough to be protected."""
    images, labels = load_digits(return_X_y=True)
    return LogisticRegression(max_iter=200).fit(images / 16, labels)


@pytest.mark.parametrize("kind", ["function", "scikit-learn", "onnx"])
def test_a_scheme_of_gradients_is_refused_before_training_with_those_that_only_ask(kind, able, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx2torch", None)
    victims = {
        "function": lambda: lambda pixels: able.predict_proba(pixels.flatten(1).numpy()),
        "scikit-learn": lambda: able,
        "onnx": lambda: onnx_file(tmp_path, able.coef_, able.intercept_),
    }
    with pytest.raises(UsageError, match=r"can only be asked, and 'uap' of scheme 'uap-contrastive' fol") as caught:
        fpframe.enroll(victims[kind](), recipe="tiny")
    asking = "akh, dataset-inference, random-sign, residual, residual-300, residual-tuned, sac"
    assert f"take a scheme that only asks: {asking}; or " in str(caught.value)
    assert ("install onnx2torch" in str(caught.value)) == (kind == "onnx")
