"""Files of weights, which need a backbone."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from fpframe import ModelError, UsageError
from fpframe.enrolment.modelfolder import find_independents
from fpframe.opening.backbones import build_backbone
from fpframe.opening.weights import save_weights
from plugins.suspects.one_network import SHAPE, K, assert_refused, expected, make, pixels


def test_weights_without_a_backbone_ask_for_it(files, opened):
    assert_refused(UsageError, "holds weights only; .*--backbone", opened, str(files / "net.safetensors"))


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda: torch.save(torch.nn.Linear(2, 2), "a.pt"), r"a pickled object of torch\.nn\.modules\.linear\.Linear"),
        (lambda: Path("a.pt").write_bytes(b"\x89HDF\r\n\x1a\n"), "HDF5, which Keras writes"),
    ],
    ids=["whole network", "another library's"],
)
def test_what_a_file_holds_is_said_before_a_backbone_is_asked_for(opened, write, message):
    write()
    assert_refused((UsageError, ModelError), message, opened, "a.pt")


def test_a_file_is_known_by_what_it_holds_where_its_ending_says_nothing(opened, registry, architecture):
    model = build_backbone(registry, architecture, K, SHAPE, seed=4)
    save_weights(model, "best.model")
    answers = opened("best.model", backbone=architecture)(pixels())
    torch.testing.assert_close(answers, expected(pixels(), model.eval()))


def test_what_no_source_opens_is_called_what_it_is(opened):
    Path("net.h5").write_bytes(b"\x89HDF\r\n\x1a\n")
    Path("folder").mkdir()
    Path("folder/__0_0.distcp").touch()
    assert_refused(UsageError, r"no suspect source opens this file \(net\.h5\); it is HDF5", opened, "net.h5")
    assert_refused(UsageError, "parts of a distributed checkpoint", opened, "folder")


def test_the_parts_of_a_model_are_no_models_of_their_own(registry):
    for number in (1, 2):
        save_file({f"w{number}": torch.zeros(1)}, f"model-0000{number}-of-00002.safetensors")
    parts = {f"w{number}": f"model-0000{number}-of-00002.safetensors" for number in (1, 2)}
    Path("model.safetensors.index.json").write_text(json.dumps({"weight_map": parts}))
    found = find_independents(Path.cwd(), registry)
    assert [each.path.name for each in found] == ["model.safetensors.index.json"]


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
