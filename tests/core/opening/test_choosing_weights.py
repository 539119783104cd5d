"""What could be two things is refused with the option that settles it, and what is something else with its name."""

from __future__ import annotations

import bz2
import gzip
import json
import warnings
import zipfile
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn.utils import parametrizations

from core.opening.everyday import Net, behind, classifier, net, state
from fpframe import Classifier, ModelError, load_weights
from fpframe.opening.checkpoints import pickled


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """Read pickles in this process: one of its own costs seconds."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(pickled, "_here", True)


def head(path: str = "a.pt", key: str | None = None) -> torch.Tensor:
    """Return the weights of the last layer as they are found."""
    return load_weights(classifier(), path, key=key).module.head.weight


#: By kind: what a file holds, how the message goes on after it, and which key gives which of the networks.
AMBIGUOUS = {
    "two containers": (lambda: {"state_dict": state(1), "model": state(3)}, "'state_dict', 'model'", {"model": 3}),
    "two prefixes": (
        lambda: {"state_dict": {**behind("net.", 1), **behind("backbone.", 3)}},
        "'state_dict.net', 'state_dict.backbone'",
        {"net": 1, "state_dict.backbone": 3},
    ),
    "a teacher beside its student": (
        lambda: {**behind("student.", 1), **behind("teacher.", 3)},
        "'student', 'teacher'",
        {"student": 1, "teacher": 3},
    ),
    "a container and the file itself": (
        lambda: {**state(1), "model": state(3)},
        r"'\.', 'model'",
        {".": 1, "model": 3},
    ),
    "two averages": (
        lambda: {"model": state(1), "model_ema": state(3), "model_swa": state(4)},
        "'model', 'model_ema', 'model_swa'",
        {"model": 1, "model_ema": 3, "model_swa": 4},
    ),
    "an average of one of two": (
        lambda: {"model": state(1), "net": state(3), "ema": state(4)},
        "'model', 'net', 'ema'",
        {"model": 1, "net": 3, "ema": 4},
    ),
    "an average beside a teacher": (
        lambda: {"teacher": state(1), "ema": state(3)},
        "'ema', 'teacher'",
        {"teacher": 1, "ema": 3},
    ),
    "members of an ensemble": (
        lambda: {**behind("models.0.", 1), **behind("models.1.", 3)},
        r"'models\.0', 'models\.1'",
        {"models.0": 1, "1": 3},
    ),
    "a list": (lambda: [state(1), state(3)], "'0', '1'", {"0": 1, "1": 3}),
    "a network and its weights": (
        lambda: {"model": net(1), "state_dict": state(3)},
        "'model', 'state_dict'",
        {"model": 1, "state_dict": 3},
    ),
}


@pytest.mark.parametrize("kind", AMBIGUOUS)
def test_weights_that_could_be_two_are_refused_until_somebody_says_which(kind):
    content, keys, right = AMBIGUOUS[kind]
    torch.save(content(), "a.pt")
    with pytest.raises(ModelError, match=f"several weights fit and differ, those under {keys} .*--checkpoint-key"):
        head()
    for key, seed in right.items():
        assert torch.equal(head(key=key), net(seed).head.weight)


UNKNOWN = {
    "a teacher": (lambda: behind("teacher."), "teacher"),
    "a part of another": (lambda: {"trainer": {"discriminator": state()}}, "trainer.discriminator"),
    "behind a layer that prepares images": (lambda: {**behind("1."), "0.mean": torch.zeros(1)}, "1"),
}


@pytest.mark.parametrize("kind", UNKNOWN)
def test_weights_in_a_place_of_an_unknown_name_are_taken_only_where_somebody_names_it(kind):
    content, key = UNKNOWN[kind]
    torch.save(content(), "a.pt")
    with pytest.raises(ModelError, match=f"lie under '{key}'.* say --checkpoint-key {key} to have them used"):
        head()
    assert torch.equal(head(key=key), net().head.weight)


def test_a_key_that_the_file_lacks_is_refused_with_those_that_it_has():
    torch.save({"model": state(), "model_ema": state(3)}, "a.pt")
    with pytest.raises(ModelError, match=r"nothing of the network lies under 'mdoel' .*has 'model', 'model_ema'"):
        head(key="mdoel")


def test_a_key_under_which_nothing_fits_is_refused_as_that():
    torch.save({"model": state(), "other": {"head.weight": torch.zeros(5, 4)}}, "a.pt")
    with pytest.raises(ModelError, match=r"missing features\.0\.weight"):
        head(key="other")


def test_averages_come_before_others_and_the_note_tells_how_to_have_those():
    torch.save({"state_dict": state(3), "state_dict_ema": state(1)}, "a.pt")
    found = load_weights(classifier(), "a.pt")
    assert torch.equal(found.module.head.weight, net(1).head.weight)
    [text] = [note.text for note in found.liberties if note.code == "weights-averaged"]
    assert text.endswith("say --checkpoint-key state_dict.")
    assert torch.equal(head(key="state_dict"), net(3).head.weight)


MISFITS = {
    "one more": (lambda: {"model": {**state(), "extra.weight": torch.zeros(1)}}, r"unexpected extra\.weight"),
    "one less": (lambda: {"model": {n: v for n, v in state().items() if n != "head.bias"}}, r"missing head\.bias"),
    "other classes": (
        lambda: behind("module.") | {"module.head.bias": torch.zeros(7)},
        r"head\.bias is float32 \(7,\)",
    ),
    "integers": (lambda: state() | {"head.bias": torch.zeros(5, dtype=torch.int64)}, r"head\.bias is int64"),
    "complex numbers in double precision": (
        lambda: state() | {"head.bias": torch.zeros(5, dtype=torch.cdouble)},
        r"missing head\.bias; it holds quantised, sparse or other special tensors \(of another type\)",
    ),
    "complex numbers": (
        lambda: state() | {"head.bias": torch.zeros(5, dtype=torch.cfloat)},
        r"missing head\.bias; it holds quantised, sparse or other special tensors \(of another type\)",
    ),
    "a prefix on some": (
        lambda: {("module." if "head" in name else "") + name: value for name, value in state().items()},
        r"missing head\.weight, head\.bias; unexpected module\.head",
    ),
    "other names": (lambda: {"net": {"w": torch.zeros(1)}}, r"missing .*; unexpected w "),
    "quantised": (
        lambda: state() | {"head.weight": quantised()},
        r"missing head\.weight; it holds quantised",
    ),
    "sparse": (lambda: state() | {"head.weight": torch.zeros(5, 4).to_sparse()}, r"missing head\.weight; .*sparse"),
    "an adapter": (
        lambda: {n.replace("head.", "head.base_layer."): v for n, v in state().items()},
        r"it holds adapters .*merge_and_unload",
    ),
    "a parametrisation that is not known": (
        lambda: parametrized().state_dict(),
        r"it holds parametrised weights .*remove_parametrizations",
    ),
    "another network": (lambda: nn.Sequential(nn.Linear(2, 2)), "whole pickled network of torch.nn.modules.container"),
    "numbers": ({"epoch": 3}.copy, "no state dict"),
    "one tensor": (lambda: torch.zeros(3), "no state dict"),
    "nothing": (dict, "no state dict"),
}


def quantised() -> torch.Tensor:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of a tool that has a newer one
        return torch.quantize_per_tensor(torch.zeros(5, 4), 1.0, 0, torch.qint8)


def parametrized() -> Net:
    network = net()
    parametrizations.orthogonal(network.head, "weight")
    return network


@pytest.mark.parametrize("kind", MISFITS)
def test_what_does_not_fit_is_one_line_that_says_why_and_nothing_is_loaded(kind):
    content, message = MISFITS[kind]
    torch.save(content(), "a.pt")
    network = classifier()
    with pytest.raises(ModelError, match=message) as caught:
        load_weights(network, "a.pt")
    assert "\n" not in str(caught.value)
    assert torch.equal(network.module.head.weight, net(2).head.weight)


# --- tied weights


class Tied(nn.Module):
    """A network with one weight under two names."""

    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Linear(4, 4)
        self.two = nn.Linear(4, 4)
        self.two.weight = self.one.weight


def tied() -> Classifier:
    return Classifier(Tied(), num_classes=4, image_shape=(1, 2, 2), address="tests:tied")


@pytest.mark.parametrize("lacking", ["one.weight", "two.weight"])
def test_a_tied_weight_that_a_file_holds_once_is_filled(lacking):
    weights = {name: value.clone() for name, value in Tied().state_dict().items() if name != lacking}
    save_file(weights, "a.safetensors")
    found = load_weights(tied(), "a.safetensors")
    other = "two.weight" if lacking == "one.weight" else "one.weight"
    assert torch.equal(found.module.one.weight, weights[other])
    assert [note.code for note in found.liberties] == ["weights-completed"]


def test_tied_weights_that_differ_in_the_file_are_refused():
    save_file({**Tied().state_dict(), "two.weight": torch.zeros(4, 4)}, "a.safetensors")
    with pytest.raises(ModelError, match=r"'one\.weight' and 'two\.weight' are one weight of the network, and differ"):
        load_weights(tied(), "a.safetensors")


# --- parts


PARTS = {
    "elsewhere": ({"weight_map": {"w": "../a.safetensors"}}, "a part of the model lies elsewhere"),
    "at an absolute path": ({"weight_map": {"w": "/etc/passwd"}}, "a part of the model lies elsewhere"),
    "missing": ({"weight_map": {"w": "model-00001-of-00002.safetensors"}}, "a part of the model is missing"),
    "none": ({"weight_map": {}}, "names no files"),
    "not a list": ([1], "names no files"),
    "numbers": ({"weight_map": {"w": 3}}, "names no files"),
}


@pytest.mark.parametrize("kind", PARTS)
def test_a_list_of_parts_names_files_beside_it(kind):
    content, message = PARTS[kind]
    Path("model.safetensors.index.json").write_text(json.dumps(content))
    with pytest.raises(ModelError, match=message):
        head("model.safetensors.index.json")


def test_one_part_alone_is_refused_with_the_name_of_the_list():
    save_file({"head.bias": torch.zeros(5)}, "model-00002-of-00002.safetensors")
    with pytest.raises(ModelError, match=r"one of several parts; name model\.safetensors\.index\.json in its place"):
        head("model-00002-of-00002.safetensors")


def test_parts_that_hold_the_same_name_are_refused():
    for number in (1, 2):
        save_file(state(number), f"model-0000{number}-of-00002.safetensors")
    names = {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}
    Path("model.safetensors.index.json").write_text(json.dumps({"weight_map": names}))
    with pytest.raises(ModelError, match="two parts hold"):
        head("model.safetensors.index.json")


# --- what is no file of weights


def zipped(member: str) -> None:
    with zipfile.ZipFile("a.pt", "w") as archive:
        archive.writestr(member, "x")


def pickled_of(module: str) -> bytes:
    return f"\x80\x02c{module}\nModel\n)\x81.".encode("latin1")


OTHERS = {
    "a program": (
        lambda: zipped("net/constants.pkl"),
        r"TorchScript program.*torch\.jit\.load where you trust it.*fpframe\.verify",
    ),
    "an exported program": (lambda: zipped("net/archive_format"), r"exported program of PyTorch; call it \.pt2"),
    "Keras": (lambda: zipped("model.weights.h5"), "a Keras model; export the model as ONNX"),
    "HDF5": (lambda: Path("a.pt").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(99)), "HDF5, which Keras writes"),
    "TFLite": (lambda: Path("a.pt").write_bytes(b"\x1c\0\0\0TFL3" + bytes(99)), r"call it \.tflite"),
    "GGUF": (lambda: Path("a.pt").write_bytes(b"GGUF" + bytes(99)), "it is GGUF"),
    "one array": (lambda: Path("a.pt").write_bytes(b"\x93NUMPY" + bytes(99)), "one array of NumPy"),
    "arrays": (lambda: zipped("w.npy"), "archive of NumPy's arrays"),
    "gzip": (lambda: Path("a.pt").write_bytes(gzip.compress(b"x")), "compressed; unpack it"),
    "bzip2": (lambda: Path("a.pt").write_bytes(bz2.compress(b"x")), "compressed; unpack it"),
    "an archive": (lambda: zipped("net.pth"), "compressed; unpack it"),
    "scikit-learn": (lambda: Path("a.pt").write_bytes(pickled_of("sklearn.svm")), "pickled object of sklearn; load it"),
    "a library's": (lambda: Path("a.pt").write_bytes(pickled_of("mylib.nets")), r"object of mylib\.nets\.Model, whose"),
    "a pointer": (lambda: Path("a.pt").write_text("version https://git-lfs.github.com/spec/v1\n"), "git lfs pull"),
    "a page": (lambda: Path("a.pt").write_text("<!DOCTYPE html><html>"), "it is an HTML page"),
    "empty": (lambda: Path("a.pt").write_bytes(b""), "it is damaged, or not a PyTorch file"),
    "a text": (lambda: Path("a.pt").write_text("hello world\n"), "it is damaged, or not a PyTorch file"),
}


@pytest.mark.parametrize("kind", OTHERS)
def test_a_file_that_is_something_else_is_called_what_it_is_with_what_to_do(kind):
    write, message = OTHERS[kind]
    write()
    with pytest.raises(ModelError, match=message) as caught:
        head()
    assert "\n" not in str(caught.value)
