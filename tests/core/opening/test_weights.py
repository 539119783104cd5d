"""Weights are saved with stable bytes, loaded strictly, and foreign pickles never run."""

import json
import os
import pickle
from collections import OrderedDict
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import nn

from fpframe import Classifier, ModelError
from fpframe.opening import unpickle as _unpickle, weights
from fpframe.opening.weights import load_weights, save_weights
from fpframe.rng import isolated

SHAPE = (1, 6, 6)


def make(seed=0, *, classes=5, width=4, extra=False):
    with isolated(seed):
        body = nn.Sequential(
            OrderedDict(
                conv=nn.Conv2d(1, width, 3),
                norm=nn.BatchNorm2d(width),
                pool=nn.AdaptiveAvgPool2d(1),
                flat=nn.Flatten(),
                **({"extra": nn.Linear(width, width)} if extra else {}),
                head=nn.Linear(width, classes),
            )
        )
    return Classifier(body, num_classes=classes, image_shape=SHAPE, address="tests:tiny")


def same(model, other):
    mine, theirs = model.module.state_dict(), other.module.state_dict()
    return mine.keys() == theirs.keys() and all(torch.equal(mine[name], theirs[name]) for name in mine)


@pytest.fixture(autouse=True)
def in_tmp_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def here(monkeypatch):
    """Convert pickles in this process, without its limits: the process of its own costs seconds."""
    monkeypatch.setattr(_unpickle, "_limit", lambda file_bytes: None)


def convert(content, capsys):
    """Return the tensors that a pickle is turned into, or the reason why not."""
    if content is not None:
        torch.save(content, "in.pt")
    code = _unpickle.main(Path("in.pt"), Path("out.safetensors"))
    if code == 0:
        return load_file("out.safetensors")
    assert code == 3
    assert not Path("out.safetensors").exists()
    return json.loads(capsys.readouterr().out)["error"]


def test_saved_weights_come_back_and_only_the_networks_own_keys_are_in_the_file():
    save_weights(make(1), "a.safetensors")
    assert load_file("a.safetensors").keys() == make().module.state_dict().keys()
    loaded = load_weights(make(2), "a.safetensors")
    assert same(loaded, make(1))
    assert not same(loaded, make(2))


def test_the_same_weights_are_saved_as_the_same_bytes():
    facts = {f"fact{number}": number for number in range(20)}
    saved = set()
    for name in ("a", "b", "c"):
        save_weights(make(1), f"{name}.safetensors", facts=facts)
        saved.add(Path(f"{name}.safetensors").read_bytes())
    assert len(saved) == 1
    assert sorted(path.name for path in Path.cwd().iterdir()) == [
        "a.safetensors",
        "b.safetensors",
        "c.safetensors",
    ]


def test_all_metadata_is_one_json_string_that_names_the_backbone():
    save_weights(make(1), "a.safetensors", facts={"accuracy": 0.5})
    with safe_open("a.safetensors", "pt") as file:
        (text,) = file.metadata().values()
    assert json.loads(text) == {
        "accuracy": 0.5,
        "backbone": "tests:tiny",
        "image_shape": [1, 6, 6],
        "num_classes": 5,
    }


def test_tied_weights_can_be_saved_and_loaded():
    tied = make(1)
    tied.module.add_module("twin", tied.module.head)
    save_weights(tied, "a.safetensors")
    other = make(2)
    other.module.add_module("twin", other.module.head)
    assert same(load_weights(other, "a.safetensors"), tied)


def test_keys_saved_from_a_classifier_are_accepted():
    save_file(make(1).state_dict(), "a.safetensors")
    assert same(load_weights(make(2), "a.safetensors"), make(1))


def test_a_prefix_on_some_keys_only_is_not_stripped():
    state = {
        (f"module.{name}" if name.startswith("conv") else name): value
        for name, value in make(1).module.state_dict().items()
    }
    save_file(state, "a.safetensors")
    with pytest.raises(ModelError, match=r"missing conv\.weight, conv\.bias; unexpected module\.conv"):
        load_weights(make(2), "a.safetensors")


def test_half_precision_weights_fit_a_single_precision_network():
    save_file(make(1).half().module.state_dict(), "a.safetensors")
    loaded = load_weights(make(2), "a.safetensors")
    assert loaded.module.head.weight.dtype == torch.float32
    torch.testing.assert_close(loaded.module.head.weight, make(1).module.head.weight, atol=1e-3, rtol=0)


@pytest.mark.parametrize(
    ("saved", "message"),
    [
        (make(1, extra=True), r"unexpected extra\.bias, extra\.weight \("),
        (make(1, classes=7), r"with 5 classes: .*head\.weight is float32 \(7, 4\) where float32 \(5, 4\)"),
        (make(1, width=3), r"conv\.weight is float32 \(3, 1, 3, 3\) .* and 4 more"),
    ],
    ids=["unexpected", "classes", "shapes"],
)
def test_weights_that_do_not_fit_are_refused_by_key_and_backbone_and_none_is_loaded(saved, message):
    save_weights(saved, "a.safetensors")
    model = make(2)
    with pytest.raises(ModelError, match=message) as caught:
        load_weights(model, "a.safetensors")
    assert "backbone 'tests:tiny'" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert same(model, make(2))


def test_missing_keys_are_named_the_first_few_of_them():
    save_file({"head.weight": torch.zeros(5, 4)}, "a.safetensors")
    with pytest.raises(ModelError, match=r"missing conv\.weight, conv\.bias, norm\.weight and 5 more \(a\.saf"):
        load_weights(make(2), "a.safetensors")


def test_integers_are_not_taken_for_weights():
    state = make(1).module.state_dict() | {"head.bias": torch.zeros(5, dtype=torch.int64)}
    save_file(state, "a.safetensors")
    with pytest.raises(ModelError, match=r"head\.bias is int64 \(5,\) where float32 \(5,\) is expected"):
        load_weights(make(2), "a.safetensors")


@pytest.mark.parametrize("cut", [0, 4, 100, -50])
def test_a_truncated_safetensors_file_is_one_clear_error(cut):
    save_weights(make(1), "a.safetensors")
    whole = Path("a.safetensors").read_bytes()
    Path("a.safetensors").write_bytes(whole[:cut])
    with pytest.raises(ModelError, match=r"'a\.safetensors' is not a whole safetensors file") as caught:
        load_weights(make(2), "a.safetensors")
    assert "\n" not in str(caught.value)


def test_a_missing_file_a_folder_and_an_unknown_suffix_are_each_said_so():
    Path("folder.pt").mkdir()
    Path("a.h5").touch()
    for name, message in [("b.pt", "no such file: 'b.pt'"), ("folder.pt", "is a folder"), ("a.h5", r"\.pth")]:
        with pytest.raises(ModelError, match=message):
            load_weights(make(), name)


class Bomb:
    """What a malicious pickle holds: reading it with the unrestricted unpickler runs a command."""

    def __reduce__(self):
        return os.mkdir, (str(Path.cwd() / "ran"),)


def test_a_pickled_state_dict_is_read_in_a_process_of_its_own():
    torch.save({"state_dict": make(1).state_dict(), "epoch": 3}, "a.pt")
    assert same(load_weights(make(2), "a.pt"), make(1))


def test_a_malicious_pickle_is_refused_and_does_not_run():
    torch.save({"head.weight": Bomb()}, "a.pt")
    with pytest.raises(ModelError, match=r"'a\.pt' is refused: .*posix\.mkdir.* could run code") as caught:
        load_weights(make(), "a.pt")
    assert "\n" not in str(caught.value)
    assert not Path("ran").exists()
    # the bomb is real: this is what the refusal kept from happening
    torch.load("a.pt", weights_only=False)
    assert Path("ran").exists()


def test_a_pickle_that_unpacks_to_far_more_than_its_size_is_refused():
    # 4 GiB, which this machine may well have: what stops it is the limit
    torch.save({"w": torch.zeros(1).expand(1 << 30)}, "a.pt")
    with pytest.raises(ModelError, match="refused: its tensors need far more memory"):
        load_weights(make(), "a.pt")


def test_a_pickle_that_takes_too_long_is_refused(monkeypatch):
    torch.save(make(1).state_dict(), "a.pt")
    monkeypatch.setattr(weights, "TIME_LIMIT_SECONDS", 0.01)
    with pytest.raises(ModelError, match=r"refused: reading it took more than 0\.01 seconds"):
        load_weights(make(), "a.pt")


def test_a_process_that_dies_is_a_refusal(monkeypatch, tmp_path):
    script = tmp_path / "dies.py"
    script.write_text("import os\nos.abort()\n")
    torch.save(make(1).state_dict(), "a.pt")
    monkeypatch.setattr(_unpickle, "__file__", str(script))
    with pytest.raises(ModelError, match="refused: reading it ended with code"):
        load_weights(make(), "a.pt")


def test_what_the_process_says_is_shown_on_one_short_line(monkeypatch, tmp_path):
    script = tmp_path / "lies.py"
    said = json.dumps({"error": "a\nb\x1b[31m" + "x" * 5000})
    script.write_text(f"print({said!r})\nraise SystemExit(3)\n")
    torch.save(make(1).state_dict(), "a.pt")
    monkeypatch.setattr(_unpickle, "__file__", str(script))
    with pytest.raises(ModelError, match=r"refused: a b \[31mx") as caught:
        load_weights(make(), "a.pt")
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 400


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    "wrap",
    [
        lambda state: state,
        lambda state: {"state_dict": state, "epoch": 3, "args": {"lr": 0.1}},
        lambda state: {"model": state},
        lambda state: {"model": state, "optimizer": {"lr": 0.1}},
    ],
)
def test_a_state_dict_may_lie_under_state_dict_or_model(wrap, capsys):
    state = make(1).state_dict()
    found = convert(wrap(state), capsys)
    assert found.keys() == state.keys()
    assert all(torch.equal(found[name], state[name]) for name in state)


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    "content",
    [
        [torch.zeros(1)],
        {},
        {"epoch": 3},
        {"net": {"w": torch.zeros(1)}},
        {"model": {"model": {"w": torch.zeros(1)}}},
        {"model": {"w": torch.zeros(1)}, "state_dict": {"w": torch.ones(1)}},
        {"w": torch.zeros(1), "epoch": 3},
    ],
    ids=["list", "empty", "number", "other-key", "two-levels", "two-of-them", "mixed"],
)
def test_anything_but_one_state_dict_is_refused(content, capsys):
    assert convert(content, capsys) == "it does not hold a state dict, which maps names to tensors"


@pytest.mark.usefixtures("here")
def test_a_whole_pickled_network_is_refused_with_the_name_of_its_class(capsys):
    assert "(fpframe.models.classifier.Classifier), which could run code" in convert(make(1), capsys)


@pytest.mark.usefixtures("here")
def test_a_plain_pickle_is_refused_and_does_not_run(capsys):
    Path("in.pt").write_bytes(pickle.dumps({"w": Bomb()}))
    assert "which could run code" in convert(None, capsys)
    assert not Path("ran").exists()


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("content", [b"", b"hello world\n", "half"], ids=["empty", "text", "truncated"])
def test_a_damaged_pickle_is_said_to_be_damaged(content, capsys):
    if content == "half":
        torch.save(make(1).state_dict(), "in.pt")
        whole = Path("in.pt").read_bytes()
        content = whole[: len(whole) // 2]
    Path("in.pt").write_bytes(content)
    assert convert(None, capsys) == "it is damaged, or not a PyTorch file"


@pytest.mark.usefixtures("here")
def test_quantised_and_sparse_tensors_are_refused(capsys):
    assert "quantised or sparse" in convert({"w": torch.eye(3).to_sparse()}, capsys)
