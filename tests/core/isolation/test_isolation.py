"""What every way of opening and asking suspects keeps to: in this process, and in processes of their own."""

from __future__ import annotations

import os
from pathlib import Path

import attrs
import onnx
import pytest
import torch

import fpframe
from fpframe.cli import run
from fpframe.errors import FpframeError, ModelError, ResourceError, UsageError
from fpframe.isolation.failure import DeadSuspectError, Failure
from fpframe.isolation.inprocess import InProcess
from fpframe.isolation.interface import Isolation
from fpframe.isolation.limits import Limits
from fpframe.isolation.ownprocess import OwnProcess
from fpframe.isolation.request import OpeningRequest
from frozen import ENROLMENT

# each test starts a process for its suspect
pytestmark = pytest.mark.slow

WAYS = {"in-process": InProcess, "own-process": OwnProcess}
REQUEST = OpeningRequest(num_classes=10, image_shape=(1, 8, 8))
SUSPECTS = """
import os
import sys

import torch
from sklearn.datasets import load_digits

images, labels = (torch.tensor(part) for part in load_digits(return_X_y=True))
means = torch.stack([images[labels == label].mean(0) / 16 for label in range(10)]).float()


def logits(pixels):
    return -4 * torch.cdist(pixels.flatten(1), means)


def probabilities(pixels):
    return logits(pixels).softmax(1)


def classes(pixels):
    return logits(pixels).argmax(1)


def sizes(pixels):
    return torch.full((len(pixels), 10), float("nan")).where(torch.tensor(len(pixels) > 2), probabilities(pixels))


def nothing_finite(pixels):
    return probabilities(pixels) * float("nan")


def network():
    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 10))


def picky(pixels):
    if pixels.max() > 0.9:
        raise RuntimeError("too bright\\nfor me")
    return logits(pixels)


def leaving(pixels):
    sys.exit(0)


def leaving_at_once():
    sys.exit(3)


def vanishing(pixels):
    os._exit(3)


def pid(pixels):
    share = os.getpid() % 1000 / 1000
    return torch.cat([torch.full((len(pixels), 1), share), logits(pixels)[:, 1:].softmax(1) * (1 - share)], 1)


def three_classes(pixels):
    return torch.zeros(len(pixels), 3)


def shouting(pixels):
    raise RuntimeError("\\x1b[31m" + "x" * 5000)
"""


@pytest.fixture(scope="module")
def here(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("suspects")
    (folder / "isolated_suspects.py").write_text(SUSPECTS)
    return folder


@pytest.fixture(scope="module")
def ways(registry, here):
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(here)
        made = {name: way(registry) for name, way in WAYS.items()}
        yield made
        for way in made.values():
            way.close()


@pytest.fixture(params=WAYS)
def way(request, ways) -> Isolation:
    return ways[request.param]


@pytest.fixture
def images() -> torch.Tensor:
    return torch.rand(7, 1, 8, 8, generator=torch.Generator().manual_seed(0)) * 0.9


def opened(way: Isolation, name: str, **changes: object) -> fpframe.Query:
    return way.open(
        f"python:isolated_suspects:{name}", OpeningRequest(num_classes=10, image_shape=(1, 8, 8), **changes)
    )


@pytest.mark.parametrize("name", ["logits", "probabilities", "classes", "network"])
@pytest.mark.parametrize("batch_size", [3, 256])
def test_a_suspect_answers_to_the_bit_as_it_does_when_it_is_opened_by_hand(way, registry, images, name, batch_size):
    address = f"python:isolated_suspects:{name}"
    by_hand = fpframe.open_suspect(
        address, registry=registry, num_classes=10, image_shape=(1, 8, 8), batch_size=batch_size
    )
    query = opened(way, name, batch_size=batch_size)
    assert (query.address, query.digest, query.notes) == (address, by_hand.digest, by_hand.notes)
    assert (query.outputs, query.channel) == (by_hand.outputs, by_hand.channel), "before it is asked"
    assert torch.equal(query(images), by_hand(images))
    assert (query.outputs, query.channel) == (by_hand.outputs, by_hand.channel), "and after"
    assert query.spent == by_hand.spent == 7


def test_what_is_said_about_a_suspect_reaches_it(way, registry, images):
    said = {"preparation": "crop=0.5; resize=8,bicubic,antialias; mean=0.4; std=0.5", "outputs": "logits"}
    by_hand = fpframe.open_suspect(
        "python:isolated_suspects:logits", registry=registry, num_classes=10, image_shape=(1, 8, 8), **said
    )
    query = opened(way, "logits", **said)
    assert query.preparation == by_hand.preparation == "resize=8,bicubic,antialias; crop=0.5; mean=0.4; std=0.5"
    assert torch.equal(query(images), by_hand(images))


def test_weights_are_opened_in_the_architecture_that_is_named(way, registry, images, here):
    net = fpframe.build_backbone(registry, "paper:arc-e", num_classes=10, image_shape=(1, 8, 8), seed=5)
    fpframe.save_weights(net, here / "net.safetensors")
    query = way.open(
        here / "net.safetensors", OpeningRequest(num_classes=10, image_shape=(1, 8, 8), backbone="paper:arc-e")
    )
    assert torch.equal(query(images), net.as_query()(images))


def test_answers_that_are_no_numbers_cross_the_border(way, images):
    assert opened(way, "nothing_finite")(images).isnan().all()
    sizes = opened(way, "sizes", batch_size=3)(images)
    assert sizes[:6].isnan().all()
    assert sizes[6:].isfinite().all()


def test_the_budget_is_held_on_the_side_of_whoever_asks(way, images):
    query = opened(way, "logits", max_queries=7)
    query(images)
    with pytest.raises(ResourceError, match="1 more queries are needed but only 0 are left of 7"):
        query(images[:1])
    assert query.spent == 7


@pytest.mark.parametrize(
    ("address", "changes"),
    [
        ("missing.safetensors", {"backbone": "paper:arc-e"}),
        ("isolated_suspects.py", {}),
        ("nosuch:thing", {}),
        ("python:isolated_suspects:nosuch", {}),
        ("python:isolated_suspects:logits", {"backbone": "paper:arc-e"}),
        ("python:isolated_suspects:logits", {"batch_size": 0}),
        ("python:isolated_suspects:logits", {"max_queries": 0}),
        ("python:isolated_suspects:logits", {"outputs": "rows"}),
        ("python:isolated_suspects:network", {"device": "nonsense"}),
    ],
)
def test_a_suspect_is_refused_with_the_error_that_opening_it_by_hand_gives(way, registry, here, address, changes):
    with pytest.raises(FpframeError) as by_hand:
        fpframe.open_suspect(address, registry=registry, num_classes=10, image_shape=(1, 8, 8), **changes)
    with pytest.raises(FpframeError) as apart:
        way.open(address, attrs.evolve(REQUEST, **changes))
    assert (type(apart.value), str(apart.value)) == (type(by_hand.value), str(by_hand.value))


def test_a_suspect_that_raises_is_told_on_one_line_and_may_be_asked_again(way, images):
    query = opened(way, "picky")
    before = query(images)
    with pytest.raises(ModelError, match=r"failed on images of shape \(1, 1, 8, 8\): too bright \(python:"):
        query(torch.ones(1, 1, 8, 8))
    assert torch.equal(query(images), before)


def test_other_classes_than_the_victims_are_a_model_error(way, images):
    with pytest.raises(ModelError, match=r"in shape \(7, 3\) where \(7, 10\) is expected"):
        opened(way, "three_classes")(images)


@pytest.mark.slow
def test_a_suspect_that_ends_its_process_is_dead_and_ends_nothing_else(way, images):
    with pytest.raises(DeadSuspectError, match=r"ended its process with code 0 \(python:isolated_suspects:leaving\)"):
        opened(way, "leaving")(images)
    with pytest.raises(DeadSuspectError, match="ended its process with code 3"):
        opened(way, "leaving_at_once")
    assert DeadSuspectError.exit_code == 6
    assert opened(way, "logits")(images).shape == (7, 10)


def test_a_suspect_in_a_process_of_its_own_may_vanish_without_a_word(ways, images):
    way = ways["own-process"]
    query, other = opened(way, "vanishing"), opened(way, "logits")
    for message in ("ended its process with code 3", "process is gone"):
        with pytest.raises(DeadSuspectError, match=message):
            query(images)
    assert other(images).shape == opened(way, "logits")(images).shape == (7, 10)


def test_a_way_that_cannot_hold_a_suspect_to_a_limit_says_so(registry, here, monkeypatch):
    monkeypatch.chdir(here)
    limits = Limits(batch_seconds=1.0, network=False)
    with InProcess(registry, limits) as way:
        notes = opened(way, "logits").notes
    assert [(note.code, note.text.partition(" was")[0]) for note in notes] == [
        ("limit-not-held", "The limit batch_seconds = 1.0"),
        ("limit-not-held", "The limit network = False"),
    ]


def test_objects_of_this_process_stay_in_it(way, images):
    query = fpframe.Query(lambda pixels: torch.zeros(len(pixels), 10), num_classes=10)
    assert way.open(query, REQUEST) is query
    asked = []
    way.open(lambda pixels: asked.append(1) or torch.zeros(len(pixels), 10), REQUEST)(images)
    assert asked


@pytest.mark.slow
@pytest.mark.parametrize("suspect", ["probabilities", "classes", "nothing_finite", "net.onnx", "two.onnx", "net.pt"])
def test_verdicts_are_the_same_wherever_a_suspect_runs(ways, registry, here, suspect, monkeypatch):
    address, options = f"python:isolated_suspects:{suspect}", {}
    net = fpframe.build_backbone(registry, "paper:arc-e", num_classes=10, image_shape=(1, 8, 8), seed=5)
    if suspect == "net.pt":
        torch.save(net.module.state_dict(), here / "net.pt")
        address, options = "net.pt", {"backbone": "paper:arc-e"}
    if suspect in ("net.onnx", "two.onnx"):
        address = Path(registry.create("suspect", "onnx").example(here, net.eval()).address).name
    if suspect == "two.onnx":
        address, options = suspect, {"read_output": with_second_output(here / address, here / suspect)}
    told = []
    for way in ways.values():
        monkeypatch.setattr(way, "close", lambda: None)  # it is closed in the end, and other tests go on with it
        told.append(fpframe.verify(ENROLMENT, address, isolation=way, registry=registry, **options).to_dict())
    assert told[0] == told[1]
    assert told[0]["settings"]["read_output"] == options.get("read_output")


def with_second_output(path, written):
    """Write a network with an output before its own that may be its answers too, and return the name of its own."""
    model = onnx.load_model(path)
    own = model.graph.output[0]
    other = onnx.ValueInfoProto()
    other.CopyFrom(own)
    other.name = "other"
    model.graph.node.append(onnx.helper.make_node("Neg", [own.name], ["other"]))
    model.graph.output.insert(0, other)
    onnx.save_model(model, written)
    return own.name


def test_a_suspect_with_an_address_gets_a_process_of_its_own_unless_somebody_says_otherwise(here, images, monkeypatch):
    monkeypatch.chdir(here)
    verdict = fpframe.verify(ENROLMENT, "python:isolated_suspects:pid")
    assert verdict.settings["trust_code"] is False
    assert "suspect-not-isolated" not in {note.code for note in verdict.caveats}
    assert float(verdict.transcript.answers[0, 0]) != pytest.approx(os.getpid() % 1000 / 1000)


def test_what_a_stranger_says_is_one_printable_line_of_bounded_length():
    for text in ("\x1b[31mred", "x" * 10_000, "one\ntwo", "\u202eltr", ""):
        with pytest.raises(ModelError, match=r"\S") as caught:
            Failure("raised", text).throw()
        message = str(caught.value)
        assert message.isprintable()
        assert 0 < len(message) <= 2000


@pytest.mark.parametrize(
    ("kind", "error"),
    [("UsageError", UsageError), ("ModelError", ModelError), ("SystemExit", ModelError), ("annotations", ModelError)],
)
def test_a_failure_from_elsewhere_is_an_error_of_fpframe_whatever_it_says_to_be(kind, error):
    with pytest.raises(error, match="said"):
        Failure("refused", "said", kind).throw()


@pytest.mark.parametrize(
    "limit", [{"batch_seconds": 0}, {"total_seconds": -1}, {"memory_bytes": 0}, {"batch_seconds": float("nan")}]
)
def test_a_limit_that_is_no_limit_is_refused(limit):
    with pytest.raises(UsageError, match=f"'{next(iter(limit))}' of 'Limits' must be"):
        Limits(**limit)


def test_the_command_ends_with_its_code_where_a_suspect_ends_its_process(here, monkeypatch, capfd):
    monkeypatch.chdir(here)
    assert run(["verify", str(ENROLMENT), "python:isolated_suspects:leaving"]) == 6
    told = capfd.readouterr()
    assert told.out == ""
    assert "fpframe: error: the suspect ended its process with code 0 (python:isolated_suspects:leaving)" in told.err
