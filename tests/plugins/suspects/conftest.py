"""One network in every format, and how it is opened."""

import functools
import importlib
import sys

import pytest
import torch
from safetensors.torch import save_file

from fpframe import Registry
from fpframe.opening.suspects import open_suspect
from fpframe_plugins.suspects import onnx as onnx_plugin, pt2, python, state_dict
from plugins.suspects.one_network import ARCHITECTURE, SHAPE, K, export_onnx, export_pt2, make


@pytest.fixture(scope="session")
def files(tmp_path_factory):
    """Write the same network in every format."""
    folder = tmp_path_factory.mktemp("suspects")
    export_onnx(make(), folder / "free.onnx")
    export_onnx(make(), folder / "fixed.onnx", fixed=True)
    export_onnx(make(3), folder / "colour.onnx")
    export_pt2(make(), folder / "free.pt2")
    export_pt2(make(), folder / "fixed.pt2", fixed=True)
    export_pt2(make(3), folder / "colour.pt2")
    save_file(make().state_dict(), folder / "net.safetensors")
    torch.save({"state_dict": make().state_dict(), "epoch": 1}, folder / "net.pt")
    return folder


@pytest.fixture
def registry():
    return Registry([onnx_plugin, pt2, python, state_dict])


@pytest.fixture(autouse=True)
def in_tmp_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def user_module(tmp_path):
    """Return a function that writes a module into the current folder and returns its name."""
    written = []

    def write(source):
        name = f"user_{tmp_path.name}_{len(written)}".replace("[", "_").replace("]", "_").replace("-", "_")
        (tmp_path / f"{name}.py").write_text(source)
        importlib.invalidate_caches()
        written.append(name)
        return name

    yield write
    for name in written:
        sys.modules.pop(name, None)


@pytest.fixture
def architecture(user_module):
    return f"python:{user_module(ARCHITECTURE)}:make"


@pytest.fixture
def opened(registry):
    return functools.partial(open_suspect, registry=registry, num_classes=K, image_shape=SHAPE, trust_code=True)
