"""``fpframe evaluate``: data, table and pictures."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from safetensors.torch import save_file

from core.cli.complaining import complaint
from fpframe.cli import run


@pytest.mark.slow
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


def test_evaluate_refuses_a_victim_that_was_not_enrolled(here, capfd, tiny_enrolment, registry):
    backbone = registry.create("backbone", "paper")
    other = backbone.build("arc-a", num_classes=10, image_shape=(1, 8, 8), seed=3)
    save_file(other.module.state_dict(), "other.safetensors")
    options = ["--victim", "paper:arc-a", "--weights", "other.safetensors"]
    assert "is not the victim that was enrolled" in complaint(capfd, ["evaluate", str(tiny_enrolment), *options], 3)
