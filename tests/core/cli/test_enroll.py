"""``fpframe enroll``: victims of a user's own code, and one line for data that cannot be used."""

from __future__ import annotations

import re
from pathlib import Path

import attrs
import numpy as np
import pytest

import fpframe
from core.cli.complaining import complaint
from fpframe.cli import run

# of tests with a recipe of few models; for all others it changes nothing
pytestmark = pytest.mark.usefixtures("few_models")

#: A network that brings its weights: the nearest mean image of a class.
CLASS_MEANS = """
import torch
from sklearn.datasets import load_digits
from torch import nn

images, labels = (torch.tensor(part) for part in load_digits(return_X_y=True))
means = torch.stack([images[labels == label].mean(0) / 16 for label in range(10)]).float()


def make():
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    with torch.no_grad():
        net[1].weight.copy_(means)
        net[1].bias.copy_(-means.square().sum(1) / 2)
    return net
"""


def test_a_python_victim_with_fresh_weights_needs_a_file_of_them(here, capfd):
    Path("fresh_arch.py").write_text(
        "from torch import nn\ndef make():\n    return nn.Sequential(nn.Flatten(), nn.Linear(64, 10))\n"
    )
    enroll = ["enroll", "--recipe", "tiny", "--out", "x", "--victim", "python:fresh_arch:make"]
    assert "without weights; pass --weights" in complaint(capfd, enroll, 3)


@pytest.mark.slow
def test_a_python_victim_that_brings_its_weights_is_never_trained_anew(here, capfd):
    Path("ready_arch.py").write_text(CLASS_MEANS)
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
    assert re.search(
        r"victim: accuracy 0\.\d{3} on 360 test images \(guessing 0\.1\d\d, mean images of the classes", printed
    )
    assert re.search(r"fitted on \d+ derived and \d+ independent models", printed)
    assert re.search(
        r"accuracy of the calibration models: attacked 0\.\d{3} to 0\.\d{3} \(median 0\.\d{3}\), ", printed
    )
    assert "uap: 100% of its queries moved, aim reached on" in printed


def test_a_victim_that_is_unfit_ends_in_one_line_with_a_code_that_can_be_accepted(here, capfd):
    Path("ready_arch.py").write_text(CLASS_MEANS)
    enroll = ["enroll", "--recipe", "tiny", "--out", "x", "--victim", "python:ready_arch:make", "--mean", "125"]
    line = complaint(capfd, enroll, 2)
    assert "(preparation-in-bytes); divide by 255, as in --mean 0.4902 --std" in line
    assert line.endswith("or accept it with --accept-unfit preparation-in-bytes, which every verdict will say")
    misspelt = [*enroll, "--accept-unfit", "no-gradients", "preparation-in-byte"]
    assert "unknown code 'preparation-in-byte'" in (line := complaint(capfd, misspelt, 2))
    assert "did you mean 'preparation-in-bytes'?" in line
    assert not Path("x").exists()


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


def test_victim_indices_that_are_no_single_array_are_refused(here, capfd):
    np.savez("seen.npz", a=np.arange(3), b=np.arange(3))
    enroll = ["enroll", "--recipe", "tiny", "--out", "x", "--victim", "paper:arc-a", "--weights", "w.safetensors"]
    assert "one array in a .npy file" in complaint(capfd, [*enroll, "--victim-indices", "seen.npz"], 3)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "there is no such file of classes (order.txt)"),
        (b"\xff\xfe\xfa", "cannot read the classes"),
        (b"cat\n\ndog\n", "the data has no class 'cat' (digits)"),
        (b"0\n1\n2\n", "the order of classes lacks '3' (digits)"),
        (b"", "the order of classes lacks '0' (digits)"),
    ],
    ids=["missing", "no-text", "others", "fewer", "empty"],
)
def test_an_order_of_classes_that_cannot_be_used_ends_in_one_clear_line(here, capfd, content, said):
    if content is not None:
        Path("order.txt").write_bytes(content)
    enroll = ["enroll", "--recipe", "tiny", "--out", "x", "--classes", "order.txt"]
    assert said in complaint(capfd, enroll, 3)
