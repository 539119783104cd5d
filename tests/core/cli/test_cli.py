"""The command line: results on stdout, one line for a mistake, documented exit codes, no traceback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
from safetensors.torch import save_file

import fpframe
from fpframe.cli import run
from tiny import NEAREST_MEAN


@pytest.fixture
def here(tmp_path, monkeypatch, tiny_store) -> Path:
    """An empty current folder, with the shared store as the user's."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FPFRAME_HOME", str(tiny_store))
    return tmp_path


def complaint(capfd, arguments: list[str], code: int) -> str:
    """Run a command that must fail, and return its one line."""
    assert run(arguments) == code
    captured = capfd.readouterr()
    lines = [line for line in captured.err.splitlines() if line.startswith("fpframe: error: ")]
    assert len(lines) == 1, captured.err
    assert "Traceback" not in captured.err
    assert captured.out == ""
    return lines[0].removeprefix("fpframe: error: ")


def test_enrol_then_verify_several_kinds_of_suspect_as_json(here, capfd, registry):
    victim = ["--victim", "paper:arc-e", "--weights", "victim.safetensors"]
    assert run(["train", "--recipe", "tiny", "--out", "victim.safetensors"]) == 0
    assert "accuracy 0." in capfd.readouterr().out
    assert run(["enroll", "--recipe", "tiny", *victim, "--out", "my.enrolment", "--workers", "1"]) == 0
    strata = "9 attacked, 9 disjoint-data, 9 other-architecture, 9 other-teacher, 9 same-data, 9 thief-recipe"
    printed = capfd.readouterr().out
    assert f"200 queries, channels probs, rounded:2, rounded:1, top1; calibrated on {strata}" in printed

    assert run(["verify", "my.enrolment", "victim.safetensors", "--backbone", "paper:arc-e", "--json"]) == 0
    told = json.loads(capfd.readouterr().out)
    [suspect] = told["suspects"]
    assert (told["alpha"], told["enrolment"]["digest"]) == (0.1, suspect["enrolment"])
    assert suspect["verdict"] == "DERIVED"
    assert suspect["suspect"]["address"] == "victim.safetensors"
    assert len(suspect["suspect"]["digest"]) == 64
    assert suspect["queries"] == 264
    assert suspect["scheme"] == "uap-contrastive"
    assert {name: stratum["n"] for name, stratum in suspect["strata"].items()} == {
        "same-data": 9,
        "disjoint-data": 9,
        "other-architecture": 9,
        "other-teacher": 9,
        "thief-recipe": 9,
        "attacked": 9,
    }
    assert suspect["settings"]["backbone"] == "paper:arc-e"
    assert len(suspect["caveats"]) >= 2

    Path("my_suspect.py").write_text(NEAREST_MEAN)
    assert run(["verify", "my.enrolment", "python:my_suspect:predict", "--outputs", "probs"]) == 0
    assert "python:my_suspect:predict: NOT_SHOWN" in capfd.readouterr().out


@pytest.mark.parametrize("command", [["enroll", "--recipe", "tiny"], ["calibrate", "ENROLMENT"]])
def test_an_existing_output_is_refused_before_anything_is_trained(here, capfd, tiny_enrolment, monkeypatch, command):
    monkeypatch.setenv("FPFRAME_HOME", str(here / "empty"))
    command = [str(tiny_enrolment) if word == "ENROLMENT" else word for word in command]
    assert "exists already" in complaint(capfd, [*command, "--out", str(tiny_enrolment)], 2)
    assert not (here / "empty").exists()


@pytest.mark.parametrize("option", ["--weights", "--backbone", "--mean", "--std"])
@pytest.mark.parametrize(
    "command", [["enroll", "--out", "x"], ["compare", "--schemes", "akh"], ["zoo", "plan", "tiny"]]
)
def test_options_about_a_victim_need_one(here, capfd, command, option):
    assert f"{option} is about a victim of your own; name it with --victim" in complaint(
        capfd, [*command, option, "1"], 2
    )


def test_a_python_victim_with_fresh_weights_needs_a_file_of_them(here, capfd):
    Path("fresh_arch.py").write_text(
        "from torch import nn\ndef make():\n    return nn.Sequential(nn.Flatten(), nn.Linear(64, 10))\n"
    )
    enroll = ["enroll", "--recipe", "tiny", "--out", "x", "--victim", "python:fresh_arch:make"]
    assert "without weights; pass --weights" in complaint(capfd, enroll, 3)


def test_a_python_victim_that_brings_its_weights_is_never_trained_anew(here, capfd):
    Path("ready_arch.py").write_text(
        "import torch\nfrom torch import nn\n"
        "def make():\n"
        "    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))\n"
        "    nn.init.eye_(net[1].weight)\n    nn.init.zeros_(net[1].bias)\n    return net\n"
    )
    tiny = fpframe.Recipe.load("tiny")
    smaller = attrs.evolve(
        tiny,
        alpha=0.5,
        independent=tuple(attrs.evolve(group, fit=1, calibrate=1) for group in tiny.independent),
        derived=tuple(attrs.evolve(group, fit=min(group.fit, 1)) for group in tiny.derived),
    )
    Path("smaller.toml").write_text(smaller.to_toml())
    enroll = [
        "enroll",
        "--recipe",
        "smaller.toml",
        "--out",
        "x",
        "--workers",
        "1",
        "--victim",
        "python:ready_arch:make",
    ]
    assert run(enroll) == 0
    printed = capfd.readouterr().out
    assert "on 1 attacked, 1 disjoint-data, 1 other-architecture, 1 other-teacher, 1 thief-recipe" in printed
    assert "1 same-data" not in printed
    assert "Stratum 'same-data' is absent" in printed
    assert "No model of the victim's own architecture was trained; paper:arc-e stands in for it." in printed


def test_inconclusive_prints_its_result_and_exits_with_7(here, capfd, tiny_enrolment):
    Path("nan_suspect.py").write_text(
        "import torch\ndef predict(pixels):\n    return torch.full((len(pixels), 10), float('nan'))\n"
    )
    assert run(["verify", str(tiny_enrolment), "python:nan_suspect:predict", "--outputs", "probs", "--json"]) == 7
    [suspect] = json.loads(capfd.readouterr().out)["suspects"]
    assert suspect["verdict"] == "INCONCLUSIVE"
    assert "not finite" in suspect["reason"]


def test_evaluate_writes_data_table_and_pictures(here, capfd, tiny_enrolment):
    arguments = ["evaluate", str(tiny_enrolment), "--channels", "probs", "--out", "result", "--workers", "1"]
    assert run(arguments) == 0
    table = capfd.readouterr().out
    assert "| all derived | all independent | 10 / 17 |" in table
    names = {path.name for path in Path("result").iterdir()}
    assert names == {
        "result.json",
        "recipe.toml",
        "table.md",
        "similarity-uap-contrastive.svg",
        "strata-uap-contrastive.svg",
        "tsne-uap-contrastive.svg",
        "roc.svg",
        "det.svg",
    }
    [evaluation] = json.loads(Path("result/result.json").read_text())["evaluations"]
    assert len(evaluation["suspects"]) == 27
    first = {path.name: path.read_bytes() for path in Path("result").iterdir()}
    assert run([*arguments, "--force"]) == 0
    assert {path.name: path.read_bytes() for path in Path("result").iterdir()} == first


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
    assert len(list(Path("questions/images").iterdir())) == 264


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
    ask = ["verify", str(tiny_enrolment), thief, thief, "--backbone", "paper:arc-e", "--alpha", "0.2"]
    assert run([*ask, "--save-answers", "answers.npz"]) == 0
    assert Path("answers-1.npz").exists()
    assert Path("answers-2.npz").exists()


def test_an_enrolment_is_calibrated_through_a_filter(here, capfd, tiny_enrolment):
    calibrate = ["calibrate", str(tiny_enrolment), "--through", "blur(1)", "--out", "new.enrolment", "--workers", "1"]
    assert run(calibrate) == 0
    assert "also through blur(1" in capfd.readouterr().out
    assert "exists already" in complaint(capfd, calibrate, 2)


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


def test_evaluate_refuses_a_victim_that_was_not_enrolled(here, capfd, tiny_enrolment, registry):
    backbone = registry.create("backbone", "paper")
    other = backbone.build("arc-a", num_classes=10, image_shape=(1, 8, 8), seed=3)
    save_file(other.module.state_dict(), "other.safetensors")
    options = ["--victim", "paper:arc-a", "--weights", "other.safetensors"]
    assert "is not the victim that was enrolled" in complaint(capfd, ["evaluate", str(tiny_enrolment), *options], 3)


def test_plugins_lists_every_component_with_its_parameters(capfd):
    assert run(["plugins", "--json"]) == 0
    listed = json.loads(capfd.readouterr().out)
    assert listed["broken"] == []
    found = {(item["kind"], item["name"]): item for item in listed["components"]}
    assert found["perturbation", "uap"]["parameters"]["epsilon"] == 0.1
    assert found["perturbation", "uap"]["distribution"] == "fpframe"
    expected = {"uap", "uap-deepfool", "random-sign", "none", "kmeans-neighbours", "contrastive", "autoencoder"}
    expected |= {
        "extract",
        "extract-noise",
        "extract-adversarial",
        "extract-jacobian",
        "knockoff",
        "prune",
        "finetune",
        "jpeg",
        "round",
        "timm",
        "torchvision",
        "paper",
        "digits",
        "folder",
        "onnx",
        "pt2",
        "python",
        "state-dict",
    }
    assert expected <= {name for _, name in found}
    assert run(["plugins"]) == 0
    assert "perturbation  uap " in capfd.readouterr().out


def test_plugins_lists_without_importing_one_in_this_process(capfd):
    code = (
        "import sys; from fpframe.cli import run; run(['plugins'])\n"
        "print([name for name in sys.modules if name.startswith('fpframe_plugins')])"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    lines = ended.stdout.splitlines()
    assert "uap-contrastive" in lines[-2]
    assert lines[-1] == "[]"


@pytest.mark.parametrize("before", [True, False])
def test_a_plugin_can_be_left_out_by_name_before_and_after_the_command(capfd, monkeypatch, before):
    monkeypatch.setenv("FPFRAME_DISABLED_PLUGINS", "ddn")
    option = ["--no-plugin", "uap", "--no-plugin", "fpframe:cw"]
    assert run([*option, "plugins", "--json"] if before else ["plugins", "--json", *option]) == 0
    listed = {component["name"] for component in json.loads(capfd.readouterr().out)["components"]}
    assert not {"uap", "cw", "ddn"} & listed
    assert {"uap-deepfool", "deepfool"} <= listed
    assert os.environ["FPFRAME_DISABLED_PLUGINS"] == "ddn", "what a command line says holds for one command"
    assert "FPFRAME_PLUGINS" not in os.environ


def test_a_plugin_that_is_left_out_is_unknown_to_what_would_use_it(here, capfd):
    said = complaint(capfd, ["zoo", "plan", "tiny", "--no-plugin", "quantize"], 2)
    assert "unknown attack or filter 'quantize'" in said


def test_a_plugin_to_leave_out_that_is_not_there_is_refused_with_the_nearest(capfd):
    said = complaint(capfd, ["plugins", "--no-plugin", "uab"], 2)
    assert said == "--no-plugin uab leaves nothing out: no such plugin is installed; did you mean 'uap'?"


def test_a_pin_is_taken_and_a_wrong_one_is_refused(capfd):
    assert run(["plugins", "show", "uap", "--plugin", "fpframe:uap"]) == 0
    assert "perturbation 'uap' (fpframe" in capfd.readouterr().out
    assert "did you mean 'fpframe:uap'?" in complaint(capfd, ["plugins", "--plugin", "fpframe:uab"], 2)
    assert "'uap' pins nothing; write DISTRIBUTION:NAME" in complaint(capfd, ["plugins", "--plugin", "uap"], 2)


def test_plugins_show_of_what_is_not_there_names_the_nearest(capfd):
    assert complaint(capfd, ["plugins", "show", "uab"], 2) == "unknown component 'uab'; did you mean 'uap'?"


def test_plugins_show_prints_documentation_and_fields(capfd):
    assert run(["plugins", "show", "uap"]) == 0
    shown = capfd.readouterr().out
    assert "epsilon = 0.1" in shown
    assert "pixel units" in shown
    assert "did you mean 'uap'" in complaint(capfd, ["plugins", "show", "uapp"], 2)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["enrol"], 2, 'Did you mean "enroll"'),
        (["enroll"], 2, "--out"),
        (["enroll", "--out", "x", "--recipe", "tinny"], 2, "did you mean 'tiny'"),
        (["enroll", "--out", "x", "--recipe", "none.toml"], 2, "No such file"),
        (["enroll", "--out", "x", "--recipe", "tiny", "--scheme", "uap"], 2, "unknown scheme 'uap'"),
        (["enroll", "--out", "x", "--recipe", "tiny", "--dataset", "digit"], 2, "did you mean 'digits'"),
        (["enroll", "--out", "x", "--recipe", "tiny", "--alpha", "0.01"], 2, "99 are needed"),
        (["enroll", "--out", "x", "--recipe", "tiny", "--alpha", "1.5"], 2, "'alpha'"),
        (["enroll", "--out", "x", "--recipe", "tiny", "--workers", "0"], 2, "--workers must be at least 1"),
        (["enroll", "--out", "x", "--recipe", "tiny", "--without", "other"], 2, "unknown stratum 'other'"),
        (["enroll", "--out", "x", "--recipe", "tiny", "--victim", "paper:arc-a"], 3, "without weights"),
        (["enroll", "--out", "x", "--recipe", "tiny", "--victim", "paper:arc-z", "--weights", "w.pt"], 2, "arc-"),
        (["enroll", "--out", "x", "--recipe", "tiny", "--victim", "python:no_such:make"], 2, "no_such"),
        (["enroll", "--out", "x", "--recipe", "tiny", "--victim", "paper:arc-a", "--weights", "w.pt"], 3, "w.pt"),
        (["enroll", "--out", "x", "--recipe", "tiny", "--weights", "w.safetensors"], 2, "--victim"),
        (["enroll", "--out", "x", "--recipe", "tiny", "--victim-indices", "seen.npy"], 3, "seen.npy"),
        (["enroll", "--out", "x", "--recipe", "quick"], 2, "--data-root"),
        (["enroll", "--out", "x", "--recipe", "tiny", "--dataset", "folder:missing"], 3, "missing"),
        (["verify", "nothing.enrolment", "a.onnx"], 2, "no such enrolment"),
        (["train", "--out", "victim.pt"], 2, ".safetensors"),
    ],
)
def test_a_wrong_command_ends_in_one_clear_line_and_leaves_nothing(here, capfd, arguments, code, message):
    assert message in complaint(capfd, arguments, code)
    assert list(here.iterdir()) == []


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
        (["python:fine:seven"], 3, "same 10 classes"),
        (["python:fine:colour"], 3, "check its input shape"),
        (["python:fine:seven", "--mean", "a,b"], 2, "--mean takes numbers"),
        (["python:fine:seven", "--outputs", "logit"], 2, "logit"),
        (["python:fine:seven", "--max-queries", "100"], 6, "264 more queries are needed"),
        (["python:fine:seven", "--alpha", "0.01"], 2, "99 are needed"),
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


def test_folders_of_images_that_cannot_be_used_end_in_one_clear_line(here, capfd):
    from PIL import Image

    for name in ("a", "b"):
        folder = Path("few") / "train" / name
        folder.mkdir(parents=True)
        test = Path("few") / "test" / name
        test.mkdir(parents=True)
        for index in range(12):
            pixels = np.full((8, 8), 20 * index, dtype=np.uint8)
            Image.fromarray(pixels).save(folder / f"{index}.png")
            Image.fromarray(pixels).save(test / f"{index}.png")
    enroll = ["enroll", "--recipe", "tiny", "--out", "x", "--dataset"]
    assert "100 query points in all views are wanted but the pool has 8" in complaint(capfd, [*enroll, "folder:few"], 3)
    one = Path("one") / "a"
    one.mkdir(parents=True)
    Image.fromarray(np.zeros((8, 8), dtype=np.uint8)).save(one / "0.png")
    assert "class" in complaint(capfd, [*enroll, "folder:one"], 3)
    Path("empty").mkdir()
    assert "empty" in complaint(capfd, [*enroll, "folder:empty"], 3)
    assert not Path("x").exists()


def test_help_and_version_print_to_stdout(capfd):
    assert run(["--help"]) == 0
    assert "enroll" in capfd.readouterr().out
    assert run(["verify", "--help"]) == 0
    assert "--max-queries" in capfd.readouterr().out
    assert run(["--version"]) == 0
    assert capfd.readouterr().out.strip() == "0.1.0"


def test_the_library_and_the_command_line_agree(here, capfd, tiny_enrolment):
    Path("nearest.py").write_text(NEAREST_MEAN)
    assert run(["verify", str(tiny_enrolment), "python:nearest:predict", "--json"]) == 0
    [told] = json.loads(capfd.readouterr().out)["suspects"]
    module: dict[str, Any] = {}
    exec(NEAREST_MEAN, module)
    verdict = fpframe.verify(tiny_enrolment, module["predict"])
    assert told["score"] == verdict.score
    assert told["p_value"] == verdict.p_value


def test_the_demo_refuses_to_overwrite_results(here, capfd):
    Path("mine").mkdir()
    Path("mine/result.json").write_text("{}")
    assert "exists already (mine/result.json)" in complaint(capfd, ["demo", "--out", "mine"], 2)
    Path("file").touch()
    assert "output is a file (file)" in complaint(capfd, ["demo", "--out", "file"], 2)


def test_victim_indices_that_are_no_single_array_are_refused(here, capfd):
    np.savez("seen.npz", a=np.arange(3), b=np.arange(3))
    enroll = ["enroll", "--recipe", "tiny", "--out", "x", "--victim", "paper:arc-a", "--weights", "w.safetensors"]
    assert "one array in a .npy file" in complaint(capfd, [*enroll, "--victim-indices", "seen.npz"], 3)


def test_a_suspect_function_with_fresh_weights_is_judged_with_a_warning(here, capfd, tiny_enrolment):
    Path("fresh_suspect.py").write_text(
        "from torch import nn\ndef make():\n    return nn.Sequential(nn.Flatten(), nn.Linear(64, 10))\n"
    )
    assert run(["verify", str(tiny_enrolment), "python:fresh_suspect:make"]) == 7
    printed = capfd.readouterr().out
    assert "other random weights at each call: what was asked is an untrained network" in printed
    assert "the suspect cannot be compared" in printed


def test_ctrl_c_is_told_on_one_line_with_its_exit_code(capfd, monkeypatch):
    def interrupted(**options):
        raise KeyboardInterrupt

    monkeypatch.setattr("fpframe.registry.load_registry", interrupted)
    assert complaint(capfd, ["plugins"], 130) == "interrupted; finished work is kept; run again to continue"
