"""``fpframe plugins``: what is installed, left out and pinned."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from core.cli.complaining import complaint
from fpframe.cli import run


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
    assert "uap-released" in lines[-2]
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
