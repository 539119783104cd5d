"""`Victim`: checked as soon as it is named, and opened with everything that was said about it."""

from __future__ import annotations

import attrs
import numpy as np
import pytest
import torch
from torch import nn

import fpframe
from fpframe.errors import DataError, ModelError, ParameterError, UsageError
from fpframe.opening import opening_notes
from fpframe.opening.checkpoints import pickled
from fpframe.opening.victim import Victim


def network() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 10))


@pytest.fixture(scope="module")
def digits(registry) -> fpframe.Dataset:
    return registry.create("dataset", "digits").open("", root=None)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (None, "a victim cannot be a NoneType; give a torch.nn.Module, or an address such as timm:resnet18"),
        (
            "resnet18",
            r"'resnet18' is not the address of a victim; name its architecture, as in Victim\('timm:resnet18'\)",
        ),
        ("mine.safetensors", r"as in Victim\('timm:resnet18', weights='mine.safetensors'\)"),
    ],
)
def test_what_cannot_be_a_victim_is_refused_at_once(model, message):
    with pytest.raises(UsageError, match=message):
        Victim(model)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"mean": "grey"}, ParameterError, r"mean and std must be numbers, one per channel \(got 'grey'\)"),
        ({"mean": [float("nan")]}, ParameterError, "'mean' of 'Victim' must be finite numbers"),
        ({"mean": []}, ParameterError, "'mean' of 'Victim' must be finite numbers"),
        ({"std": [0.5, 0.0, 0.5]}, ParameterError, r"'std' of 'Victim' must be positive \(got \(0.5, 0.0, 0.5\)\)"),
        ({"preparation": "resize=0"}, UsageError, "'resize' must be one edge or HEIGHTxWIDTH"),
        ({"preparation": "mean=0.5", "mean": 0.4}, UsageError, "'mean' is said twice: 0.4, and 0.5"),
        ({"indices": [0.5]}, DataError, r"must be a list of whole numbers, got float64 \(1,\)"),
        ({"indices": []}, DataError, "must be a list of whole numbers"),
        ({"indices": [[1, 2]]}, DataError, r"must be a list of whole numbers, got int64 \(1, 2\)"),
    ],
)
def test_what_is_said_about_a_victim_is_checked_at_once(options, error, message):
    with pytest.raises(error, match=message):
        Victim(network(), **options)


def test_numbers_may_come_as_lists_arrays_tensors_or_one_alone():
    for mean in ([0.5], np.array([0.5]), torch.tensor([0.5]), 0.5):
        assert Victim(network(), mean=mean).mean == (0.5,)
    assert Victim(network(), indices=range(3)).indices.tolist() == [0, 1, 2]


def test_a_victim_cannot_be_changed():
    with pytest.raises(attrs.exceptions.FrozenInstanceError) as raised:
        Victim(network()).backbone = "paper:arc-e"
    assert raised.value.msg == "can't set attribute"


def test_a_bare_model_is_a_victim_about_which_nothing_is_said():
    model = network()
    assert Victim.of(None) is None
    assert Victim.of(model).model is model
    said = Victim(model, mean=(0.5,))
    assert Victim.of(said) is said


def test_a_module_is_opened_with_its_normalisation_and_its_weights_and_knows_no_architecture(
    digits, registry, tmp_path
):
    trained = network()
    torch.save(trained.state_dict(), tmp_path / "w.pt")
    victim = Victim(network(), mean=0.3, std=0.5, weights=tmp_path / "w.pt")
    classifier, backbone = victim.open(digits, registry)
    pixels = digits.test.pixels[:5]
    assert torch.allclose(classifier.logits(pixels), trained((pixels - 0.3) / 0.5).detach(), atol=1e-6)
    assert backbone is None


def test_an_architecture_with_weights_is_built_anew_by_its_own_address(digits, registry, tmp_path):
    made = fpframe.build_backbone(registry, "paper:arc-e", 10, (1, 8, 8), seed=7)
    fpframe.save_weights(made, tmp_path / "w.safetensors")
    classifier, backbone = Victim("paper:arc-e", weights=tmp_path / "w.safetensors").open(digits, registry)
    pixels = digits.test.pixels[:5]
    assert torch.equal(classifier.logits(pixels), made.logits(pixels))
    assert backbone == "paper:arc-e"


def test_an_architecture_without_weights_is_no_victim(digits, registry):
    with pytest.raises(ModelError, match="'paper:arc-e' names an architecture without weights"):
        Victim("paper:arc-e").open(digits, registry)


def test_a_trained_victim_by_address_may_say_how_its_architecture_is_built_anew(
    digits, registry, tmp_path, monkeypatch
):
    (tmp_path / "trained_net.py").write_text(
        "import torch\n\ndef make():\n    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 10))\n"
        "    torch.nn.init.zeros_(net[1].weight), torch.nn.init.zeros_(net[1].bias)\n    return net\n"
    )
    monkeypatch.chdir(tmp_path)
    assert Victim("python:trained_net:make").open(digits, registry)[1] is None
    assert Victim("python:trained_net:make", backbone="paper:arc-e").open(digits, registry)[1] == "paper:arc-e"


@pytest.mark.parametrize(
    ("text", "shape"),
    [("rgb; resize=10,bicubic,antialias; mean=0.4; std=0.5", (3, 10, 10)), ("crop=6; layout=nhwc", (6, 6, 1))],
)
def test_a_victim_gets_images_as_was_said(digits, registry, text, shape):
    inner = nn.Sequential(nn.Flatten(), nn.Linear(int(np.prod(shape)), 10))
    classifier, _ = Victim(inner, preparation=text).open(digits, registry)
    pixels = digits.test.pixels[:5]
    prepared = fpframe.Preparation.read(text)(pixels)
    assert prepared.shape == (5, *shape)
    assert torch.equal(classifier.logits(pixels), inner(prepared).detach())
    assert classifier.image_shape == digits.image_shape
    own = Victim(classifier).open(digits, registry)[0]
    assert torch.equal(own.logits(pixels), classifier.logits(pixels)), "a classifier keeps what it does itself"
    with pytest.raises(UsageError, match="the victim prepares images itself"):
        Victim(classifier, preparation="resize=9").open(digits, registry)


def test_the_architecture_of_a_victim_is_built_for_the_images_that_it_gets(digits, registry, tmp_path):
    made = fpframe.build_backbone(registry, "paper:arc-e", 10, (3, 12, 12), seed=7)
    fpframe.save_weights(made, tmp_path / "w.safetensors")
    victim = Victim("paper:arc-e", weights=tmp_path / "w.safetensors", preparation="rgb; resize=12")
    classifier, backbone = victim.open(digits, registry)
    pixels = digits.test.pixels[:5]
    assert torch.equal(classifier.logits(pixels), made.logits(fpframe.Preparation.read("rgb; resize=12")(pixels)))
    assert backbone == "paper:arc-e"
    fpframe.save_weights(classifier, tmp_path / "again.safetensors")
    again = attrs.evolve(victim, weights=tmp_path / "again.safetensors").open(digits, registry)[0]
    assert torch.equal(again.logits(pixels), classifier.logits(pixels))


def test_the_weights_of_a_victim_are_found_in_a_checkpoint_by_their_name(tmp_path, digits, registry, monkeypatch):
    monkeypatch.setattr(pickled, "_here", True)
    student, teacher = network(), network()
    torch.save({"student": student.state_dict(), "teacher": teacher.state_dict()}, tmp_path / "both.ckpt")
    victim = Victim(network(), weights=tmp_path / "both.ckpt", checkpoint_key="teacher")
    classifier, _ = victim.open(digits, registry)
    assert torch.equal(classifier.module[1].weight, teacher[1].weight)
    [note] = opening_notes(classifier, whose="victim", prepared=True)
    assert note.code == "weights-located"
    assert note.text == "The weights lay under 'teacher' in the victim's file."
