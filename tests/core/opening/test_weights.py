"""Weights are saved with stable bytes, loaded strictly, and foreign pickles never run."""

import json
import os
from collections import OrderedDict
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import nn

from fpframe import Classifier, ModelError
from fpframe.opening.checkpoints import pickled
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
    with pytest.raises(ModelError, match=r"missing conv\.weight, conv\.bias, norm\.weight and 4 more \(a\.saf"):
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
    torch.save({"state_dict": make(1).state_dict(), "epoch": 3, "args": Bomb()}, "a.pt")
    found = load_weights(make(2), "a.pt")
    assert same(found, make(1))
    assert [note.code for note in found.liberties] == ["weights-located", "objects-not-loaded"]
    assert not Path("ran").exists()
    # the bomb is real: this is what did not happen
    torch.load("a.pt", weights_only=False)
    assert Path("ran").exists()


def test_what_the_process_refuses_is_said_with_the_file():
    Path("a.pt").write_bytes(b"hello world\n")
    with pytest.raises(
        ModelError, match=r"'a\.pt' is refused: it is damaged, or not a PyTorch file; save its state dict"
    ):
        load_weights(make(2), "a.pt")


def test_a_pickle_that_unpacks_to_far_more_than_its_size_is_refused():
    # 4 GiB, which this machine may well have: what stops it is the limit
    torch.save({"w": torch.zeros(1).expand(1 << 30)}, "a.pt")
    with pytest.raises(ModelError, match="refused: its tensors need far more memory"):
        load_weights(make(), "a.pt")


def test_a_pickle_that_takes_too_long_is_refused(monkeypatch):
    torch.save(make(1).state_dict(), "a.pt")
    monkeypatch.setattr(pickled, "TIME_LIMIT_SECONDS", 0.01)
    with pytest.raises(ModelError, match=r"refused: reading it took more than 0\.01 seconds"):
        load_weights(make(), "a.pt")


def test_a_process_that_dies_is_a_refusal(monkeypatch):
    torch.save(make(1).state_dict(), "a.pt")
    monkeypatch.setattr(pickled, "START", "import os\nos.abort()\n")
    with pytest.raises(ModelError, match="refused: reading it ended with code"):
        load_weights(make(), "a.pt")


def test_what_the_process_says_is_shown_on_one_short_line(monkeypatch):
    said = json.dumps({"error": "a\nb\x1b[31m" + "x" * 5000})
    monkeypatch.setattr(pickled, "START", f"print({said!r})\nraise SystemExit(3)\n")
    torch.save(make(1).state_dict(), "a.pt")
    with pytest.raises(ModelError, match=r"refused: a b \[31mx") as caught:
        load_weights(make(), "a.pt")
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    "told",
    ["", "[]", "{}", '{"groups": [{}], "named": []}', '{"groups": [], "named": 3}'],
    ids=["nothing", "a list", "an object", "a group", "no names"],
)
def test_a_process_that_tells_something_else_is_not_believed(monkeypatch, told):
    torch.save(make(1).state_dict(), "a.pt")
    script = (
        "import json, pathlib, sys\n"
        "_, _, folder = json.loads(sys.stdin.readline())\n"
        f"pathlib.Path(folder, 'contents.json').write_text({told!r})\n"
        "pathlib.Path(folder, 'tensors.safetensors').write_bytes((2).to_bytes(8, 'little') + b'{}')\n"
    )
    monkeypatch.setattr(pickled, "START", script)
    with pytest.raises(ModelError, match="the process that read it said nothing of use"):
        load_weights(make(), "a.pt")
