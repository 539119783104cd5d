"""In which network weights are opened: by what fpframe's own files say, and unchanged where they say nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

import fpframe
from fpframe.errors import ModelError
from fpframe.opening import Victim, build_for_weights, open_suspect
from fpframe.opening.saved import Saved

SHAPE = (1, 8, 8)
NAME = "timm:test_resnet"
SMALL, PLAIN = f"{NAME}(stem=small)", f"{NAME}(unchanged)"


def network(registry, address=NAME, seed=3, shape=SHAPE) -> fpframe.Classifier:
    return fpframe.build_backbone(registry, address, 10, shape, seed=seed).eval()


def state(model: fpframe.Classifier) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in model.module.state_dict().items()}


def pixels() -> torch.Tensor:
    return torch.rand(8, *SHAPE, generator=torch.Generator().manual_seed(0))


def opened(registry, path, address) -> fpframe.Query:
    return open_suspect(path, registry=registry, num_classes=10, image_shape=SHAPE, backbone=address)


def foreign(model: fpframe.Classifier, path: Path, kind: str) -> Path:
    """Write weights as others write them."""
    if kind == "safetensors":
        save_file(state(model), path)
    elif kind == "with metadata of others":
        save_file(state(model), path, metadata={"format": "pt", "backbone": NAME})
    elif kind == "with damaged metadata":
        save_file(state(model), path, metadata={"fpframe": "{"})
    elif kind == "of a network in memory":
        fpframe.save_weights(fpframe.Classifier(model.module, num_classes=10, image_shape=SHAPE, address="Net"), path)
    else:
        path = path.with_suffix(f".{kind}")
        torch.save(state(model), path)
    return path


KINDS = ["safetensors", "with metadata of others", "with damaged metadata", "of a network in memory", "pt", "PTH"]


@pytest.mark.parametrize("kind", KINDS)
def test_weights_from_elsewhere_are_opened_in_the_unchanged_network(registry, tmp_path, kind):
    model = network(registry, PLAIN)
    path = foreign(model, tmp_path / "w.safetensors", kind)
    query = opened(registry, path, NAME)
    torch.testing.assert_close(query(pixels()), model.logits(pixels()).softmax(1), rtol=0, atol=1e-6)
    assert query.architecture == PLAIN
    assert "architecture-adapted" not in {note.code for note in query.notes}


def test_weights_from_elsewhere_are_opened_in_an_adapted_network_where_it_is_named_and_that_is_noted(
    registry, tmp_path
):
    model = network(registry)
    save_file(state(model), tmp_path / "w.safetensors")
    query = opened(registry, tmp_path / "w.safetensors", SMALL)
    torch.testing.assert_close(query(pixels()), model.logits(pixels()).softmax(1), rtol=0, atol=1e-6)
    note = next(note for note in query.notes if note.code == "architecture-adapted")
    assert f"The suspect was opened as {SMALL}: {NAME}, changed for images of shape {SHAPE}." in note.text


@pytest.mark.parametrize("named", [NAME, SMALL])
@pytest.mark.parametrize("older", [False, True])
def test_a_file_of_our_own_is_opened_as_what_it_was_built_as(registry, tmp_path, named, older):
    model = network(registry)
    path = tmp_path / "w.safetensors"
    fpframe.save_weights(model, path, facts={"backbone": NAME} if older else None)
    assert Saved.of(path) == Saved(backbone=NAME if older else SMALL, image_shape=SHAPE, num_classes=model.num_classes)
    query = opened(registry, path, named)
    torch.testing.assert_close(query(pixels()), model.logits(pixels()).softmax(1), rtol=0, atol=1e-6)
    assert query.architecture == SMALL


def test_an_unchanged_network_of_our_own_is_opened_so(registry, tmp_path):
    model = network(registry, PLAIN)
    fpframe.save_weights(model, tmp_path / "w.safetensors")
    for named in (NAME, PLAIN):
        query = opened(registry, tmp_path / "w.safetensors", named)
        torch.testing.assert_close(query(pixels()), model.logits(pixels()).softmax(1), rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("built", "named"),
    [(NAME, PLAIN), (PLAIN, SMALL), ("torchvision:resnet18", "timm:resnet18"), ("timm:resnet18", "timm:test_resnet")],
)
@pytest.mark.parametrize("older", [False, True])
def test_a_file_of_our_own_is_not_opened_as_something_else(registry, tmp_path, built, named, older):
    model = network(registry, built)
    older = older and built != PLAIN
    fpframe.save_weights(model, tmp_path / "w.safetensors", facts={"backbone": built} if older else None)
    told = built if older else model.architecture
    with pytest.raises(ModelError) as caught:
        opened(registry, tmp_path / "w.safetensors", named)
    assert f"holds the weights of {told}, and not of {named}; name {told}" in str(caught.value)


def test_a_file_of_our_own_for_other_images_is_refused(registry, tmp_path):
    fpframe.save_weights(network(registry, shape=(1, 64, 64)), tmp_path / "w.safetensors")
    with pytest.raises(ModelError, match=r"for images of shape \(1, 64, 64\) .* where those here have \(1, 8, 8\)"):
        opened(registry, tmp_path / "w.safetensors", NAME)


def test_a_file_of_the_store_does_not_say_which_form_it_is_and_is_refused_until_one_is_named(registry, tmp_path):
    model, path = network(registry), tmp_path / "key.safetensors"
    save_file(state(model), path, metadata={"fpframe": json.dumps({"lineage": f'train["{NAME}"]#0', "queries": 0})})
    with pytest.raises(ModelError) as caught:
        opened(registry, path, NAME)
    assert f"a file of the store, does not say in which form of {NAME}" in str(caught.value)
    assert f"name {PLAIN} for the network as its library builds it, or {SMALL}" in str(caught.value)
    torch.testing.assert_close(opened(registry, path, SMALL)(pixels()), model.logits(pixels()).softmax(1))


def test_loading_into_a_network_that_was_adapted_without_a_word_is_refused(registry, tmp_path):
    save_file(state(network(registry, PLAIN)), tmp_path / "w.safetensors")
    with pytest.raises(ModelError) as caught:
        fpframe.load_weights(network(registry), tmp_path / "w.safetensors")
    assert f"name {PLAIN} for the network as its library builds it, or {SMALL}" in str(caught.value)
    for address in (PLAIN, SMALL):
        fpframe.load_weights(network(registry, address), tmp_path / "w.safetensors")


def test_loading_a_file_of_our_own_into_another_form_is_refused(registry, tmp_path):
    fpframe.save_weights(network(registry), tmp_path / "w.safetensors")
    assert fpframe.load_weights(network(registry), tmp_path / "w.safetensors").architecture == SMALL
    with pytest.raises(ModelError, match=r"holds the weights of .*\(stem=small\), and not of .*\(unchanged\)"):
        fpframe.load_weights(network(registry, PLAIN), tmp_path / "w.safetensors")


@pytest.mark.parametrize("named", [True, False])
def test_what_is_usual_for_a_library_is_done_to_images_only_with_a_note(registry, tmp_path, named):
    save_file(state(network(registry, PLAIN)), tmp_path / "w.safetensors")
    options = {"mean": 0.5, "std": 0.5} if named else {}
    query = open_suspect(
        tmp_path / "w.safetensors", registry=registry, num_classes=10, image_shape=SHAPE, backbone=NAME, **options
    )
    texts = [note.text for note in query.notes if note.code == "preparation-assumed"]
    assert len(texts) == (not named)
    assert all("0.5 was subtracted from pixels, and they were divided by 0.5" in text for text in texts)


def test_a_source_without_forms_is_opened_by_its_address(registry, tmp_path):
    model = network(registry, "paper:arc-b")
    save_file(state(model), tmp_path / "w.safetensors")
    found = build_for_weights(registry, "paper:arc-b", tmp_path / "w.safetensors", 10, SHAPE)
    assert (found.address, found.form) == ("paper:arc-b", "")


class TestVictim:
    """A victim, and the address that models like it are trained by."""

    @pytest.mark.parametrize(
        ("built", "own", "backbone"),
        [(PLAIN, False, PLAIN), (NAME, True, NAME), (PLAIN, True, PLAIN)],
        ids=["from elsewhere", "our own, adapted", "our own, unchanged"],
    )
    def test_weights_and_models_like_it_have_one_form(self, registry, digits, tmp_path, built, own, backbone):
        model = network(registry, built)
        if own:
            fpframe.save_weights(model, tmp_path / "w.safetensors")
        else:
            save_file(state(model), tmp_path / "w.safetensors")
        classifier, anew = Victim(NAME, weights=tmp_path / "w.safetensors").open(digits, registry)
        assert torch.equal(classifier.logits(pixels()), model.logits(pixels()))
        assert anew == backbone
        assert network(registry, anew).adapted == classifier.adapted

    def test_an_adapted_form_that_is_named_is_the_form_of_both(self, registry, digits, tmp_path):
        save_file(state(network(registry)), tmp_path / "w.safetensors")
        classifier, anew = Victim(SMALL, weights=tmp_path / "w.safetensors", mean=0.5, std=0.5).open(digits, registry)
        assert (classifier.architecture, anew) == (SMALL, SMALL)

    @pytest.mark.parametrize(("built", "backbone"), [(PLAIN, PLAIN), (NAME, NAME)])
    def test_a_module_in_memory_says_by_its_layers_which_form_its_backbone_has(self, registry, digits, built, backbone):
        victim = Victim(network(registry, built).module, backbone=NAME)
        assert victim.open(digits, registry)[1] == backbone
