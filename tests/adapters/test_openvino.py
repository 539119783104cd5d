"""Networks of OpenVINO: the same answers as those of the module."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import openvino
import pytest
import torch
from openvino import opset13 as steps
from torch import nn

import fpframe
from fpframe import ModelError, Preparation, Registry, UsageError
from fpframe.opening import open_suspect
from fpframe.testing import check_component
from fpframe.testing.checks.suspect import linear
from fpframe_plugins.suspects import openvino as plugin

K, SHAPE = 5, (1, 8, 8)


@pytest.fixture(autouse=True)
def in_tmp_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def opened(path="net.xml", **options) -> fpframe.Query:
    shape = {"num_classes": K, "image_shape": SHAPE, "outputs": "logits"}
    return open_suspect(path, registry=Registry([plugin]), **{**shape, **options})


def network() -> nn.Sequential:
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, K))
    with torch.no_grad():
        net[1].weight.normal_(generator=torch.Generator().manual_seed(0)).mul_(0.3)
        net[1].bias.zero_()
    return net


def written(net, *, shape=(-1, *SHAPE), dtype=np.float32, layout=None, order=None, more=False, path="net.xml") -> str:
    """Write a flattening network; `order` brings its axes into the order in which the module flattens them."""
    image = steps.parameter(openvino.PartialShape(list(shape)), dtype, name="image")
    if layout:
        image.set_layout(openvino.Layout(layout))
    real = steps.convert(image, np.float32)
    if order:
        real = steps.transpose(real, np.array(order, np.int64))
    rows = steps.reshape(real, np.array([-1, 64], np.int64), False)
    logits = steps.matmul(rows, steps.constant(net[1].weight.detach().numpy()), False, True)
    logits.output(0).set_names({"logits"})
    rows.output(0).set_names({"features"})
    outputs = [rows, logits] if more else [logits]
    openvino.save_model(openvino.Model(outputs, [image], "net"), path, compress_to_fp16=False)
    return path


def pixels(count=7) -> torch.Tensor:
    drawn = torch.rand(count, *SHAPE, generator=torch.Generator().manual_seed(1))
    return (drawn * 255).round() / 255


def expected(net, images) -> torch.Tensor:
    return net(images).softmax(1).detach()


def test_it_passes_the_conformance_kit():
    check_component(plugin.OpenvinoFile())


@pytest.mark.parametrize(
    ("options", "whole"),
    [
        ({}, ""),
        ({"shape": (4, *SHAPE)}, ""),
        ({"shape": (openvino.Dimension(2, 3), *SHAPE)}, ""),
        ({"shape": (-1, 8, 8, 1), "order": (0, 3, 1, 2)}, "layout=nhwc"),
        ({"shape": (-1, -1, -1, -1), "order": (0, 3, 1, 2), "layout": "NHWC"}, "layout=nhwc"),
        ({"shape": (-1, -1, -1, -1), "layout": "NCHW"}, ""),
        ({"shape": (-1, 64)}, ""),
        ({"more": True}, ""),
    ],
)
def test_answers_equal_those_of_the_module(options, whole):
    net = network()
    query = opened(written(net, **options))
    for count in (7, 1):
        torch.testing.assert_close(query(pixels(count)), expected(net, pixels(count)), atol=1e-5, rtol=0)
    assert query.preparation == whole


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.int64])
def test_whole_numbers_are_pixels_from_0_to_255(dtype):
    net = network()
    query = opened(written(net, dtype=dtype))
    torch.testing.assert_close(query(pixels()), expected(net, pixels() * 255), atol=1e-5, rtol=0)
    assert query.preparation == "scale=255"


def test_what_was_said_is_done():
    net = network()
    text = "grey; resize=8,bicubic,antialias; mean=0.4; std=0.2"
    images = torch.rand(5, 3, 20, 20)
    query = opened(written(net), image_shape=(3, 20, 20), preparation=text)
    torch.testing.assert_close(query(images), expected(net, Preparation.read(text)(images)), atol=1e-5, rtol=0)


def test_the_digest_covers_graph_and_weights():
    net = network()
    path = Path(written(net))
    before = opened().digest
    assert Registry([plugin]).create("suspect", "openvino").companions(str(path)) == ["net.bin"]
    content = bytearray(path.with_suffix(".bin").read_bytes())
    content[-4] ^= 1  # of a weight
    path.with_suffix(".bin").write_bytes(content)
    assert opened().digest != before


def test_missing_weights_and_links_are_refused(tmp_path):
    path = Path(written(network()))
    weights = path.with_suffix(".bin").rename(tmp_path / "other.bin")
    with pytest.raises(ModelError, match=r"its weights 'net\.bin' are missing"):
        opened()
    path.with_suffix(".bin").symlink_to(weights)
    with pytest.raises(ModelError, match="is a link; copy the file"):
        opened()


@pytest.mark.parametrize("content", [b"", b"<svg></svg>", b"<?xml version='1.0'?><net name='a' version='11'>"])
def test_a_damaged_file_is_refused_in_one_line(content):
    Path("net.xml").write_bytes(content)
    with pytest.raises(ModelError, match="is damaged, or not a network") as refused:
        opened()
    assert "\n" not in str(refused.value)


def test_only_the_cpu_computes():
    with pytest.raises(UsageError, match="not on 'cuda'"):
        opened(written(network()), device="cuda")


def test_the_example_of_the_kit_is_open_to_colours():
    model = linear(channels=3)
    request = plugin.OpenvinoFile().example(Path(), model)
    assert opened(request.address, num_classes=model.num_classes, image_shape=model.image_shape).digest
