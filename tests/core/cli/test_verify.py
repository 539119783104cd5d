"""``fpframe verify``: verdicts, recorded answers and reports, and one line for a mistake."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.torch import save_file

import fpframe
from core.cli.complaining import complaint
from faultserver import FaultServer
from fpframe.base import parse_json
from fpframe.cli import run
from tiny import NEAREST, larger


def test_inconclusive_prints_its_result_and_exits_with_7(here, capfd, tiny_enrolment):
    Path("nan_suspect.py").write_text(
        "import torch\ndef predict(pixels):\n    return torch.full((len(pixels), 10), float('nan'))\n"
    )
    assert run(["verify", str(tiny_enrolment), "python:nan_suspect:predict", "--outputs", "probs", "--json"]) == 7
    [suspect] = json.loads(capfd.readouterr().out)["suspects"]
    assert suspect["verdict"] == "INCONCLUSIVE"
    assert "not finite" in suspect["reason"]


@pytest.fixture
def thief(here, registry) -> str:
    """The address of a fine-tuned victim."""
    zoo = fpframe.plan_zoo("tiny", splits=("test",)).build()
    model = next(zoo.load(model) for model in zoo.models if model.stratum == "finetune(all)")
    fpframe.save_weights(model, "thief.safetensors")
    return "thief.safetensors"


def test_a_third_party_reaches_the_same_verdict_from_recorded_answers(here, capfd, tiny_enrolment, thief):
    ask = ["verify", str(tiny_enrolment), thief, "--backbone", "paper:arc-e", "--save-answers", "answers.npz", "--json"]
    assert run(ask) == 0
    [asked] = json.loads(capfd.readouterr().out)["suspects"]
    assert run(["verify", str(tiny_enrolment), "--answers", "answers.npz", "--json"]) == 0
    [replayed] = json.loads(capfd.readouterr().out)["suspects"]
    for key in ("verdict", "sentence", "score", "p_value", "strata", "view_scores", "queries", "suspect", "enrolment"):
        assert replayed[key] == asked[key]
    assert asked["verdict"] == "DERIVED"
    assert "exists already" in complaint(capfd, ask, 2)
    assert run(["queries", "export", str(tiny_enrolment), "--out", "questions"]) == 0
    assert len(list(Path("questions/images").iterdir())) == 548


def test_a_verdict_is_stopped_early_and_reported_in_html(here, capfd, tiny_enrolment, thief):
    ask = ["verify", str(tiny_enrolment), thief, "--backbone", "paper:arc-e", "--sequential", "--report", "report.html"]
    assert run(ask) == 0
    printed = capfd.readouterr().out
    assert "saved" in printed
    page = Path("report.html").read_text()
    assert "<html" in page
    assert "thief.safetensors" in page


def test_what_a_suspect_prints_is_no_result(here, capfd, tiny_enrolment):
    Path("chatty.py").write_text(
        "def predict(pixels):\n    print('hello')\n    return pixels.flatten(1)[:, 20:30].softmax(1)\n"
    )
    assert run(["verify", str(tiny_enrolment), "python:chatty:predict", "--json"]) in (0, 7)
    captured = capfd.readouterr()
    json.loads(captured.out)
    assert "hello" in captured.err


def test_two_suspects_get_numbered_answers(here, capfd, tiny_enrolment, thief):
    larger(fpframe.Enrolment.open(tiny_enrolment), 3).save("larger.enrolment")
    ask = ["verify", "larger.enrolment", thief, thief, "--backbone", "paper:arc-e"]
    assert run([*ask, "--save-answers", "answers.npz"]) == 0
    assert Path("answers-1.npz").exists()
    assert Path("answers-2.npz").exists()


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        ([], 2, "no suspect was named"),
        (["--test", "welch", "--sequential"], 2, "cannot stop early"),
        (["--answers", "nowhere.npz"], 3, "cannot read recorded answers"),
        (["one.npz"], 2, "name each file with --answers FILE"),
        (["--answers", "nowhere.npz", "--through", "blurr"], 2, "did you mean 'blur'"),
        (["--answers", "nowhere.npz", "--channel", "top2"], 2, "unknown channel 'top2'"),
        (["--answers", "nowhere.npz", "--certify"], 2, "29 are needed in every stratum"),
        (["--answers", "nowhere.npz", "--report", "."], 2, "output is a folder"),
    ],
)
def test_wrong_ways_to_verify_are_refused_in_one_line(here, capfd, tiny_enrolment, options, code, message):
    assert message in complaint(capfd, ["verify", str(tiny_enrolment), *options], code)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["missing.onnx"], 3, "missing.onnx"),
        (["weights.safetensors"], 2, "--backbone"),
        (["weights.safetensors", "--backbone", "timm:resnet19"], 2, "did you mean"),
        (["weights.safetensors", "--backbone", "paper:arc-b"], 3, "arc-b"),
        (["model.xyz"], 2, "model.xyz"),
        (["python:no_such_module:predict"], 2, "no_such_module"),
        (["python:fine:missing"], 2, "has no function 'missing'"),
        (["python:fine:seven"], 3, "name its own with --classes"),
        (["python:fine:colour"], 3, "check its input shape"),
        (["python:fine:seven", "--mean", "a,b"], 2, "--mean takes numbers"),
        (["python:fine:seven", "--outputs", "logit"], 2, "logit"),
        (["python:fine:seven", "--max-queries", "100"], 6, "548 more queries are needed"),
        (["python:fine:seven", "--alpha", "0.01"], 2, "99 are needed"),
        (["python:fine:seven", "--alpha", "0.9"], 2, "alpha must lie in (0, 0.1]"),
        (["python:fine:seven", "python:fine:colour"], 2, "name only the one that you mean to accuse"),
        (["python:fine:seven", "--device", "tpu"], 2, "tpu"),
    ],
)
def test_a_wrong_suspect_ends_in_one_clear_line(here, capfd, tiny_enrolment, registry, arguments, code, message):
    backbone = registry.create("backbone", "paper")
    arc = backbone.build("arc-a", num_classes=10, image_shape=(1, 8, 8), seed=0)
    save_file(arc.module.state_dict(), "weights.safetensors")
    Path("model.xyz").touch()
    Path("fine.py").write_text(
        "import torch\n"
        "def seven(pixels):\n    return torch.rand(len(pixels), 7)\n"
        "net = torch.nn.Sequential(torch.nn.Conv2d(3, 10, 8), torch.nn.Flatten())\n"
        "def colour(pixels):\n    return net(pixels)\n"
    )
    assert message in complaint(capfd, ["verify", str(tiny_enrolment), *arguments], code)


def test_a_changed_enrolment_exits_with_5(here, capfd, tiny_enrolment):
    import shutil

    shutil.copytree(tiny_enrolment, "copy")
    Path("copy/calibration.json").write_text("{}")
    assert "was changed" in complaint(capfd, ["verify", "copy", "x.onnx"], 5)


def test_the_library_and_the_command_line_agree(here, capfd, tiny_enrolment):
    Path("nearest.py").write_text(NEAREST)
    assert run(["verify", str(tiny_enrolment), "python:nearest:predict", "--json"]) == 0
    [told] = json.loads(capfd.readouterr().out)["suspects"]
    module: dict[str, Any] = {}
    exec(NEAREST, module)
    verdict = fpframe.verify(tiny_enrolment, module["predict"])
    assert told["score"] == verdict.score
    assert told["p_value"] == verdict.p_value


def test_a_suspect_function_with_fresh_weights_is_judged_with_a_warning(here, capfd, tiny_enrolment):
    Path("fresh_suspect.py").write_text(
        "from torch import nn\ndef make():\n    return nn.Sequential(nn.Flatten(), nn.Linear(64, 10))\n"
    )
    assert run(["verify", str(tiny_enrolment), "python:fresh_suspect:make"]) == 7
    printed = capfd.readouterr().out
    assert "returns a network with new random weights at each call: an untrained network was asked" in printed
    assert "agrees with the victim's labels by" in printed


def test_a_service_is_verified_within_its_budget_and_says_what_it_cost(here, capfd, tiny_enrolment, monkeypatch):
    monkeypatch.setenv("FPFRAME_HOME", str(here / "home"))
    monkeypatch.setenv("THEIR_KEY", "sk-very-secret-42")
    with FaultServer(lambda ask: ask.send(402) if ask.number == 20 else ask.say(ask.rows())) as server:
        Path("service.toml").write_text(
            f'url = "{server.url}"\nimages = 8\n[headers]\nauthorization = {{env = "THEIR_KEY"}}\n'
            '[answer]\nat = "$.predictions"\n[price]\nrequest = 0.01\ncurrency = "EUR"\n'
        )
        ask = ["verify", str(tiny_enrolment), "http:service.toml", "--rate", "10000/s"]
        assert "budget of 0.5 EUR does not pay for" in complaint(capfd, [*ask, "--budget", "0.5"], 2 + 4)
        assert server.requests == 0
        said = complaint(capfd, [*ask, "--budget", "5"], 4)
        assert "wants to be paid" in said
        assert "run the same command with --resume" in said
        assert server.requests == 20
        assert "say --resume to go on" in complaint(capfd, [*ask, "--budget", "5"], 2)
        assert run([*ask, "--budget", "5", "--resume", "--save-answers", "answers.npz"]) == 7
        assert not list(here.glob("home/journals/*"))
        # each answer was asked for once; images that are asked alone are a request each
        service = parse_json(str(np.load("answers.npz")["about"]))["service"]
        assert service["requests"] == server.requests
        assert service["outcomes"] == {"200": server.requests - 1, "402": 1}
        assert "sk-very" not in json.dumps(service)
        assert set(server.secrets) == {"sk-very-secret-42"}
