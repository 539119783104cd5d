"""Files of suspects that run code, hang, need memory or are none: each is one line, and its payload never runs."""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import struct
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import attrs
import pytest
import torch

import fpframe
from core.cli.complaining import complaint
from fpframe.cli import run
from fpframe.errors import FpframeError, ModelError, ResourceError, UsageError
from fpframe.isolation import HungSuspectError, Limits, OpeningRequest, OwnProcess
from frozen import ENROLMENT

# each test starts a process for its suspect
pytestmark = pytest.mark.slow

REQUEST = OpeningRequest(num_classes=10, image_shape=(1, 8, 8))
GIB = 1024**3


@pytest.fixture(scope="module")
def way(registry):
    with OwnProcess(registry, Limits.usual(memory_bytes=GIB)) as made:
        yield made


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    assert not (tmp_path / "canary").exists(), "a payload ran, and could write"


@pytest.fixture
def images() -> torch.Tensor:
    return torch.rand(7, 1, 8, 8, generator=torch.Generator().manual_seed(0))


# --- exported programs


class Payload:
    """Pickled, it makes the canary when it is unpickled."""

    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self):
        return exec, (f"print('the payload ran', flush=True); open({str(self.canary)!r}, 'w').close()",)


@pytest.fixture(scope="module")
def program(tmp_path_factory) -> Path:
    """An honest exported program."""
    path = tmp_path_factory.mktemp("program") / "honest.pt2"
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 10))
    with torch.no_grad():  # far from probabilities, whatever numbers the weights began with
        net[1].weight *= 20
    shapes = ({0: torch.export.Dim("count")},)
    torch.export.save(torch.export.export(net, (torch.zeros(2, 1, 8, 8),), dynamic_shapes=shapes), path)
    return path


def poisoned(program: Path, target: Path, *, where: str) -> Path:
    """Copy a program, with a payload in the place of each member whose name contains a word."""
    payload = pickle.dumps(Payload(target.parent / "canary"))
    poisoned = 0
    with zipfile.ZipFile(program) as source, zipfile.ZipFile(target, "w") as copy:
        for name in source.namelist():
            poisoned += where in name
            copy.writestr(name, payload if where in name else source.read(name))
    assert poisoned
    return target


@pytest.mark.parametrize("where", ["sample_inputs", "weights", "models"])
def test_a_program_that_can_run_code_is_refused_unless_its_author_is_trusted(here, way, program, where):
    path = poisoned(program, here / "evil.pt2", where=where)
    message = r"can run its author's code .*ask for ONNX or safetensors, or say --trust-code"
    with pytest.raises(UsageError, match=message):
        way.open(path, REQUEST)
    with pytest.raises(UsageError, match=message):
        fpframe.open_suspect(path, registry=way.registry, num_classes=10, image_shape=(1, 8, 8))


@pytest.mark.slow
def test_what_a_trusted_program_runs_is_kept_from_writing_all_the_same(here, registry, program, capfd):
    path = poisoned(program, here / "evil.pt2", where="sample_inputs")
    with OwnProcess(registry) as way:
        if way.open(program, attrs.evolve(REQUEST, trust_code=True)).notes[1:]:
            pytest.skip("this system does not keep suspects from writing")
        with contextlib.suppress(FpframeError):
            way.open(path, attrs.evolve(REQUEST, trust_code=True))
    assert "the payload ran" in capfd.readouterr().err


def test_that_code_was_trusted_stands_in_the_verdict(here, program, way, monkeypatch):
    monkeypatch.setattr(way, "close", lambda: None)
    verdict = fpframe.verify(ENROLMENT, program, trust_code=True, isolation=way)
    assert verdict.settings["trust_code"] is True
    assert "code-trusted" in {note.code for note in verdict.caveats}
    assert fpframe.Verdict.from_dict(verdict.to_dict()) == verdict


@pytest.mark.slow
def test_the_command_opens_a_program_only_when_it_is_told_to(here, capfd, program):
    assert "say --trust-code" in complaint(capfd, ["verify", str(ENROLMENT), str(program)], 2)
    assert run(["verify", str(ENROLMENT), str(program), "--trust-code", "--json"]) in (0, 7)
    [suspect] = json.loads(capfd.readouterr().out)["suspects"]
    assert suspect["settings"]["trust_code"] is True


# --- ONNX


def onnx_file(path: Path, *nodes, constants: dict[str, list[int]]) -> Path:
    onnx = pytest.importorskip("onnx")
    helper, kinds = onnx.helper, onnx.TensorProto
    graph = helper.make_graph(
        [helper.make_node("Flatten", ["image"], ["flat"]), *(node(helper) for node in nodes)],
        "g",
        [helper.make_tensor_value_info("image", kinds.FLOAT, ("count", 1, 8, 8))],
        [helper.make_tensor_value_info("logits", kinds.FLOAT, ("count", 64))],
        [helper.make_tensor(name, kinds.INT64, [len(values)], values) for name, values in constants.items()],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), path)
    return path


def endless(path: Path) -> Path:
    onnx = pytest.importorskip("onnx")
    helper, kinds = onnx.helper, onnx.TensorProto
    told = [
        helper.make_tensor_value_info("i", kinds.INT64, []),
        helper.make_tensor_value_info("go", kinds.BOOL, []),
        helper.make_tensor_value_info("x", kinds.FLOAT, None),
    ]
    out = [
        helper.make_tensor_value_info("go_on", kinds.BOOL, []),
        helper.make_tensor_value_info("y", kinds.FLOAT, None),
    ]
    body = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["go_on"]), helper.make_node("Sin", ["x"], ["y"])], "body", told, out
    )
    loop = helper.make_node("Loop", ["often", "", "flat"], ["logits"], body=body)
    return onnx_file(path, lambda _: loop, constants={"often": [2**62]})


def greedy(path: Path) -> Path:
    return onnx_file(
        path,
        lambda helper: helper.make_node("Shape", ["image"], ["shape"], start=0, end=1),
        lambda helper: helper.make_node("Mul", ["shape", "many"], ["size"]),
        lambda helper: helper.make_node("ConstantOfShape", ["size"], ["huge"]),
        lambda helper: helper.make_node("ReduceSum", ["huge"], ["zero"]),
        lambda helper: helper.make_node("Add", ["flat", "zero"], ["logits"]),
        constants={"many": [300_000_000]},
    )


def test_a_network_that_loops_for_ever_is_ended(here, way, images, monkeypatch):
    query = way.open(endless(here / "loop.onnx"), attrs.evolve(REQUEST, num_classes=64))
    monkeypatch.setattr(way, "limits", attrs.evolve(way.limits, batch_seconds=0.5))
    began = time.monotonic()
    with pytest.raises(HungSuspectError, match=r"more than 0\.5 seconds to answer 7 images"):
        query(images)
    assert time.monotonic() - began < 30


def test_a_small_file_of_a_network_that_needs_all_memory_is_ended(here, way, images):
    path = greedy(here / "greedy.onnx")
    assert path.stat().st_size < 4000
    with pytest.raises(ResourceError, match="memory"):
        way.open(path, attrs.evolve(REQUEST, num_classes=64))(images)


# --- weights


def sparse(path: Path, header: bytes, *, size: int) -> Path:
    """Write a safetensors file whose content is a hole."""
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(header)) + header)
        file.truncate(size)
    return path


def header(*, elements: int, name: str = "huge") -> bytes:
    return json.dumps({name: {"dtype": "F32", "shape": [elements], "data_offsets": [0, 4 * elements]}}).encode()


WEIGHTS: dict[str, tuple[Callable[[Path], Path], str]] = {
    "two-gigabytes-of-nothing": (
        lambda path: sparse(path, header(elements=2**29), size=8 + len(header(elements=2**29)) + 2**31),
        "missing .* unexpected huge",
    ),
    "larger-than-its-header-says": (
        lambda path: sparse(path, header(elements=4), size=2**31),
        "its header tells of .* bytes where it has 2147483648",
    ),
    "smaller-than-its-header-says": (lambda path: sparse(path, header(elements=2**40), size=4096), "not a whole"),
    "a-tensor-that-is-not-as-long-as-it-says": (
        lambda path: sparse(path, header(elements=4).replace(b"[4]", b"[8]"), size=8 + len(header(elements=4)) + 16),
        r"a tensor of shape \(8,\) has 16 bytes",
    ),
    "a-header-as-long-as-the-file": (lambda path: sparse(path, b"", size=2**31), "not a whole"),
    "a-name-twice": (
        lambda path: sparse(path, header(elements=4)[:-1] + b"," + header(elements=4)[1:], size=400),
        "'huge' occurs twice",
    ),
}


@pytest.mark.parametrize("kind", WEIGHTS)
def test_weights_that_cannot_be_the_networks_are_refused_before_memory_is_spent_on_them(here, registry, kind):
    write, message = WEIGHTS[kind]
    path = write(here / "net.safetensors")
    net = fpframe.build_backbone(registry, "paper:arc-e", num_classes=10, image_shape=(1, 8, 8), seed=5)
    with pytest.raises(ModelError, match=message):
        fpframe.load_weights(net, path)


# --- checkpoints


def test_a_checkpoint_is_read_in_the_suspects_process_without_running_and_its_notes_come_back(here, way, images):
    net = fpframe.build_backbone(way.registry, "paper:arc-e", num_classes=10, image_shape=(1, 8, 8), seed=5)
    weights = {f"module.{name}": value for name, value in net.module.state_dict().items()}
    path = here / "last.ckpt"
    torch.save({"state_dict": weights, "args": Payload(here / "canary")}, path)
    query = way.open(path, attrs.evolve(REQUEST, backbone="paper:arc-e"))
    assert {"weights-located", "objects-not-loaded"} <= {note.code for note in query.notes}
    torch.testing.assert_close(query(images), net.logits(images).softmax(1), atol=1e-5, rtol=0)


def test_the_place_of_weights_can_be_named_for_a_suspect(here, way, images):
    nets = [
        fpframe.build_backbone(way.registry, "paper:arc-e", num_classes=10, image_shape=(1, 8, 8), seed=seed)
        for seed in (5, 6)
    ]
    path = here / "two.pt"
    torch.save({name: net.module.state_dict() for name, net in zip(("student", "teacher"), nets, strict=True)}, path)
    with pytest.raises(ModelError, match="several weights fit and differ"):
        way.open(path, attrs.evolve(REQUEST, backbone="paper:arc-e"))
    query = way.open(path, attrs.evolve(REQUEST, backbone="paper:arc-e", checkpoint_key="teacher"))
    torch.testing.assert_close(query(images), nets[1].logits(images).softmax(1), atol=1e-5, rtol=0)


# --- what is not a file


@pytest.mark.parametrize("suffix", [".onnx", ".pt2", ".safetensors", ".pt"])
@pytest.mark.parametrize("kind", ["pipe", "device", "folder"])
def test_what_is_not_a_regular_file_is_not_opened(here, way, suffix, kind):
    path = here / f"suspect{suffix}"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    else:
        path.mkdir()
    backbone = "paper:arc-e" if suffix in (".safetensors", ".pt") else None
    with pytest.raises(ModelError, match="is a folder" if kind == "folder" else "is a device, a pipe or a socket"):
        way.open(path, attrs.evolve(REQUEST, backbone=backbone, trust_code=True))


# --- the command


SCRIPT = """
import os


def leaves(pixels):
    os._exit(0)


def prints(pixels):
    os.write(1, b"not a result\\n")
    return pixels.flatten(1)[:, 20:30].softmax(1)
"""


def test_the_command_gives_a_verdict_or_a_code_that_is_not_0(here, capfd):
    (here / "file_suspects.py").write_text(SCRIPT)
    assert "ended its process with code 0" in complaint(
        capfd, ["verify", str(ENROLMENT), "python:file_suspects:leaves"], 6
    )
    assert run(["verify", str(ENROLMENT), "python:file_suspects:prints", "--json"]) in (0, 7)
    told = capfd.readouterr()
    assert json.loads(told.out)["suspects"]
    assert "not a result" in told.err


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--timeout 0", "--timeout must be above 0"),
        ("--memory -1", "--memory must be above 0"),
        ("--env NOT_SET", "NOT_SET"),
    ],
)
def test_a_limit_that_is_none_is_refused(here, capfd, option, message):
    assert message in complaint(capfd, ["verify", str(ENROLMENT), "any.onnx", *option.split()], 2)
