"""Checkpoint files as people keep them, written by the tools that write them, of one tiny network."""

from __future__ import annotations

import argparse
import collections
import dataclasses
import datetime
import enum
import json
import pathlib
import pickle
import struct
import tarfile
import warnings
from collections import OrderedDict
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn.utils import parametrizations, prune, spectral_norm, weight_norm

from fpframe import Classifier
from fpframe.rng import isolated

SHAPE = (1, 6, 6)
State = dict[str, Tensor]


class Net(nn.Module):
    """A network of every kind of layer that tools treat in their own way."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU())
        self.up = nn.ConvTranspose2d(4, 4, 2)
        self.head = nn.Linear(4, 5)

    def forward(self, pixels: Tensor) -> Tensor:
        """Return logits ``(N, 5)``."""
        out: Tensor = self.head(self.up(self.features(pixels)).mean((2, 3)))
        return out


def net(seed: int = 1) -> Net:
    """Return a network whose weights and statistics a seed decides."""
    with isolated(seed):
        made = Net()
        made(torch.rand(8, *SHAPE))  # statistics that are not the ones of a fresh network
    return made.eval()


def classifier(seed: int = 2) -> Classifier:
    """Return a network of the same architecture with other weights, to load into."""
    return Classifier(net(seed), num_classes=5, image_shape=SHAPE, address="tests:net")


def state(seed: int = 1) -> State:
    """Return the state dict of a network."""
    return dict(net(seed).state_dict())


def behind(prefix: str, seed: int = 1) -> State:
    """Return a state dict whose names all begin with a prefix."""
    return {f"{prefix}{name}": value for name, value in state(seed).items()}


def saved(content: Callable[[], Any], **options: Any) -> Callable[[Path], Net]:
    """Return what writes a file of `torch.save`."""

    def write(path: Path) -> Net:
        torch.save(content(), path, **options)
        return net()

    return write


def of_device(name: str, **options: Any) -> Callable[[Path], Net]:
    """Return what writes a file as a machine with such a device does."""

    def write(path: Path) -> Net:
        with mock.patch.object(torch.serialization, "location_tag", return_value=name):
            torch.save(state(), path, **options)
        return net()

    return write


# --- training scripts


@dataclasses.dataclass
class Settings:
    """Options of a training script, as pickles have them."""

    rate: float = 0.1
    deeper: Any = None


class Mode(enum.Enum):
    """One more class that a pickle may name."""

    FAST = 1


class Config(dict):  # type: ignore[type-arg]
    """Options that are a dict, as mmcv and addict have them."""


def of_timm() -> Any:
    momentum = {number: {"momentum_buffer": value} for number, value in enumerate(state(3).values())}
    return {
        "epoch": 7,
        "arch": "net",
        "state_dict": state(),
        "optimizer": {"state": momentum, "param_groups": [{"lr": 0.1, "params": list(momentum)}]},
        "version": 2,
        "args": argparse.Namespace(lr=0.1, opt="sgd"),
        "state_dict_ema": state(),
        "metric": 90.1,
    }


def of_torchvision() -> Any:
    averaged = torch.optim.swa_utils.AveragedModel(net())
    return {"model": state(), "epoch": 3, "args": argparse.Namespace(lr=0.1), "model_ema": averaged.state_dict()}


def of_lightning() -> Any:
    return {
        "epoch": 2,
        "global_step": 40,
        "pytorch-lightning_version": "2.4.0",
        "state_dict": {**behind("model."), "criterion.weight": torch.ones(5)},
        "callbacks": {"ModelCheckpoint{'monitor': None}": {"best_model_path": pathlib.PurePosixPath("a/b"), "kth": {}}},
        "optimizer_states": [{"state": {0: {"exp_avg": torch.zeros(4, 1, 3, 3)}}, "param_groups": [{"lr": 0.1}]}],
        "lr_schedulers": [],
        "hyper_parameters": Settings(deeper=argparse.Namespace(mode=Mode.FAST, path=pathlib.PurePosixPath("x"))),
    }


def of_openmmlab() -> Any:
    return {
        "meta": {"time": datetime.datetime(2024, 1, 1), "cfg": Config(model=Config(depth=18)), "classes": ("a", "b")},
        "state_dict": OrderedDict(state()),
        "message_hub": {"log": collections.defaultdict(list, loss=[np.float64(0.5), np.float32(1)]), "seen": {1, 2}},
    }


def of_ultralytics(path: Path) -> Any:
    torch.save({"epoch": -1, "best_fitness": None, "model": None, "ema": net().half(), "train_args": {}}, path)
    return net().half()


def in_parallel() -> Any:
    network = net()
    network.features = nn.DataParallel(network.features)  # as an example of PyTorch does with AlexNet and VGG
    return {"arch": "alexnet", "state_dict": network.state_dict(), "best_acc1": torch.tensor(77.0)}


def compiled_in_part() -> Any:
    return {name.replace("features.", "features._orig_mod."): value for name, value in state().items()}


# --- what tools make of weights


def pruned() -> Any:
    network = net()
    for layer in (network.features[0], network.head):
        prune.l1_unstructured(layer, "weight", amount=0.3)
        prune.random_unstructured(layer, "bias", amount=1)
    return network


def twice_pruned() -> Any:
    network = net()
    prune.l1_unstructured(network.head, "weight", amount=0.3)
    prune.ln_structured(network.head, "weight", amount=1, n=2, dim=1)
    return network


def sparsified() -> Any:
    network = net()
    mask = torch.ones(5, 4)
    mask[0] = 0
    nn.utils.parametrize.register_parametrization(network.head, "weight", Masked(mask))
    return network


class Masked(nn.Module):
    """A parametrisation with a mask, as torchao has it."""

    def __init__(self, mask: Tensor) -> None:
        super().__init__()
        self.register_buffer("mask", mask)

    def forward(self, weight: Tensor) -> Tensor:
        """Return the weight with its mask."""
        return self.mask * weight


def with_norm(apply: Callable[[nn.Module], object]) -> Callable[[], Any]:
    """Return what makes a network whose layers a norm was applied to, as it answers after some training."""

    def make() -> Any:
        network = net()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # of the tools that have newer ones
            for layer in (network.features[0], network.up, network.head):
                apply(layer)
        network.train()
        for _ in range(30):  # power iteration goes on while a network is trained
            network(torch.rand(4, *SHAPE, generator=torch.Generator().manual_seed(0)))
        return network.eval()

    return make


def tool(make: Callable[[], Any]) -> Callable[[Path], Any]:
    """Return what writes the state dict of a network that a tool changed; the network is what the file stands for."""

    def write(path: Path) -> Any:
        network = make()
        torch.save(network.state_dict(), path)
        return network

    return write


def cast(kind: torch.dtype) -> Callable[[Path], Any]:
    """Return what writes weights of another precision."""

    def write(path: Path) -> Any:
        torch.save({name: value.to(kind) for name, value in state().items()}, path)
        return net().to(kind).float()

    return write


# --- formats


def safetensors(path: Path) -> Net:
    save_file(state(), path)
    return net()


def pickled(protocol: int) -> Callable[[Path], Net]:
    """Return what writes a pickle of tensors without `torch.save`."""

    def write(path: Path) -> Net:
        path.write_bytes(pickle.dumps(OrderedDict(state()), protocol=protocol))
        return net()

    return write


def of_arrays(protocol: int) -> Callable[[Path], Net]:
    """Return what writes a pickle of arrays, as Detectron2's model zoo does."""

    def write(path: Path) -> Net:
        arrays = {name: value.numpy() for name, value in state().items()}
        arrays["head.weight"] = np.asfortranarray(arrays["head.weight"])
        arrays["head.bias"] = arrays["head.bias"].astype(">f8")
        path.write_bytes(pickle.dumps({"model": arrays, "__author__": "somebody"}, protocol=protocol))
        return net()

    return write


def in_parts(suffix: str) -> Callable[[Path], Net]:
    """Return what writes the list of the parts of a model, and the parts."""

    def write(path: Path) -> Net:
        names = sorted(state())
        weight_map = {}
        for number, part in enumerate((names[:5], names[5:]), start=1):
            file = path.parent / f"model-{number:05}-of-00002{suffix}"
            tensors = {name: state()[name] for name in part}
            save_file(tensors, file) if suffix == ".safetensors" else torch.save(tensors, file)
            weight_map |= dict.fromkeys(part, file.name)
        path.write_text(json.dumps({"metadata": {"total_size": 1}, "weight_map": weight_map}))
        return net()

    return write


def of_release_0_1(path: Path) -> Net:
    """Write a tar archive, which PyTorch wrote before 2017 and still reads."""
    tensors = state()
    storages, views, content = BytesIO(), BytesIO(), BytesIO()
    pickle.dump(len(tensors), storages, protocol=2)
    pickle.dump(len(tensors), views, protocol=2)
    for number, value in enumerate(tensors.values()):
        kind = {torch.float32: torch.FloatStorage, torch.int64: torch.LongStorage}[value.dtype]
        pickle.dump((number, "cpu", kind), storages, protocol=2)
        storages.write(struct.pack("<q", value.numel()) + value.contiguous().numpy().tobytes())
        pickle.dump((100 + number, number, f"torch.{value.type()}"), views, protocol=2)
        views.write(struct.pack("<ii", value.ndim, 0))
        views.write(struct.pack(f"<{value.ndim}q", *value.shape) + struct.pack(f"<{value.ndim}q", *value.stride()))
        views.write(struct.pack("<q", 0))
    pickle.dump([], storages, protocol=2)

    class Referring(pickle.Pickler):
        def persistent_id(self, thing: Any) -> Any:
            return next((str(100 + n) for n, value in enumerate(tensors.values()) if value is thing), None)

    Referring(content, protocol=2).dump({"state_dict": OrderedDict(tensors)})
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as archive:
        for name, stream in (("storages", storages), ("tensors", views), ("pickle", content)):
            member = tarfile.TarInfo(name)
            member.size = len(stream.getvalue())
            archive.addfile(member, BytesIO(stream.getvalue()))
    return net()


#: By kind: the file's name, what writes it and returns the network that it stands for, and the codes of the notes.
EVERYDAY: dict[str, tuple[str, Callable[[Path], Any], set[str]]] = {
    "state dict": ("net.pt", saved(state), set()),
    "state dict of a Hub": ("pytorch_model.bin", saved(state), set()),
    "state dict called pkl": ("weights.pkl", saved(state), set()),
    "upper case": ("NET.PTH", saved(state), set()),
    "without a known ending": ("net.weights", saved(state), set()),
    "without an ending": ("checkpoint", saved(state), set()),
    "tutorial of PyTorch": (
        "a.pt",
        saved(lambda: {"epoch": 1, "model_state_dict": state(), "optimizer_state_dict": {}, "loss": 0.3}),
        {"weights-located"},
    ),
    "example of PyTorch": (
        "checkpoint.pth.tar",
        saved(
            lambda: {"epoch": 1, "arch": "x", "state_dict": behind("module."), "best_acc1": torch.tensor(7.0)},
        ),
        {"weights-located"},
    ),
    "cifar repository": ("a.pth", saved(lambda: {"net": behind("module."), "acc": 91.2}), {"weights-located"}),
    "under weights": ("a.pt", saved(lambda: {"weights": state()}), {"weights-located"}),
    "under two names": ("a.pt", saved(lambda: {"state_dict": state(), "model": state()}), {"weights-located"}),
    "deeply nested": (
        "a.pt",
        saved(lambda: {"checkpoint": {"model": {"state_dict": behind("_orig_mod.module.backbone.")}}}),
        {"weights-located"},
    ),
    "fastai": ("a.pth", saved(lambda: {"model": state(), "opt": {"state": [], "hypers": []}}), {"weights-located"}),
    "compiled": ("a.pt", saved(lambda: behind("_orig_mod.")), {"weights-located"}),
    "compiled in parallel": ("a.pt", saved(lambda: behind("module._orig_mod.")), {"weights-located"}),
    "compiled in part": ("a.pt", saved(compiled_in_part), {"weights-located"}),
    "parallel in part": ("a.pth.tar", saved(in_parallel), {"weights-located"}),
    "opacus": ("a.pt", saved(lambda: behind("_module.")), {"weights-located"}),
    "sharded data parallel": ("a.pt", saved(lambda: behind("_fsdp_wrapped_module.")), {"weights-located"}),
    "deepspeed": ("mp_rank_00_model_states.pt", saved(lambda: {"module": state(), "dp": 1}), {"weights-located"}),
    "lightning": ("last.ckpt", saved(of_lightning), {"weights-located", "weights-left-out", "objects-not-loaded"}),
    "timm": ("model_best.pth.tar", saved(of_timm), {"weights-located", "objects-not-loaded"}),
    "torchvision": ("tv.pth", saved(of_torchvision), {"weights-located", "objects-not-loaded"}),
    "averaged": (
        "swa.pt",
        saved(lambda: torch.optim.swa_utils.AveragedModel(net()).state_dict()),
        {"weights-located", "weights-left-out"},
    ),
    "averaged beside others": (
        "ema.pt",
        saved(lambda: {"state_dict": state(3), "state_dict_ema": state()}),
        {"weights-located", "weights-averaged"},
    ),
    "a mapping of its own": (
        "a.pt",
        saved(lambda: {"model": Config(state())}),
        {"weights-located", "objects-not-loaded"},
    ),
    "openmmlab": ("a.pth", saved(of_openmmlab), {"weights-located", "objects-not-loaded"}),
    "operations counted": (
        "thop.pt",
        saved(lambda: {**state(), "total_ops": torch.zeros(1), "head.total_params": torch.zeros(1)}),
        {"weights-left-out"},
    ),
    "batches not counted": (
        "old.pt",
        saved(lambda: {name: value for name, value in state().items() if "tracked" not in name}),
        {"weights-completed"},
    ),
    "pruned": ("a.pt", tool(pruned), {"weights-folded"}),
    "pruned twice": ("a.pt", tool(twice_pruned), {"weights-folded"}),
    "sparsified": ("a.pt", tool(sparsified), {"weights-folded"}),
    "weight norm": ("a.pt", tool(with_norm(parametrizations.weight_norm)), {"weights-folded"}),
    "weight norm of a matrix": (
        "a.pt",
        tool(with_norm(lambda layer: parametrizations.weight_norm(layer, dim=None))),
        {"weights-folded"},
    ),
    "former weight norm": ("a.pt", tool(with_norm(weight_norm)), {"weights-folded"}),
    "former weight norm of columns": (
        "a.pt",
        tool(with_norm(lambda layer: weight_norm(layer, dim=1))),
        {"weights-folded"},
    ),
    "spectral norm": ("a.pt", tool(with_norm(parametrizations.spectral_norm)), {"weights-folded"}),
    "former spectral norm": ("a.pt", tool(with_norm(spectral_norm)), {"weights-folded"}),
    "half precision": ("a.pt", cast(torch.float16), {"weights-converted"}),
    "bfloat16": ("a.pt", cast(torch.bfloat16), {"weights-converted"}),
    "double precision": ("a.pt", cast(torch.float64), {"weights-converted"}),
    "whole network": ("net.pt", saved(net), {"weights-of-network", "objects-not-loaded"}),
    "whole network in parallel": (
        "net.pth",
        saved(lambda: {"model": nn.DataParallel(net()), "epoch": 1}),
        {"weights-located", "weights-of-network", "objects-not-loaded"},
    ),
    "ultralytics": (
        "best.pt",
        of_ultralytics,
        {"weights-located", "weights-of-network", "weights-converted", "objects-not-loaded"},
    ),
    "before release 1.6": ("a.pth", saved(state, _use_new_zipfile_serialization=False), set()),
    "before release 1.6, as a checkpoint": (
        "a.pth.tar",
        saved(of_timm, _use_new_zipfile_serialization=False),
        {"weights-located", "objects-not-loaded"},
    ),
    "whole network before release 1.6": (
        "a.pth",
        saved(net, _use_new_zipfile_serialization=False),
        {"weights-of-network", "objects-not-loaded"},
    ),
    "before release 0.2": ("a.pth", of_release_0_1, {"weights-located"}),
    **{f"pickle of tensors {p}": ("a.pkl", pickled(p), set()) for p in (2, 4, 5)},
    **{f"pickle of arrays {p}": ("a.pkl", of_arrays(p), {"weights-located", "weights-converted"}) for p in (2, 4, 5)},
    "from a GPU": ("a.pt", of_device("cuda:1"), set()),
    "from a GPU before release 1.6": ("a.pt", of_device("cuda:0", _use_new_zipfile_serialization=False), set()),
    "from a Mac": ("a.pt", of_device("mps"), set()),
    "safetensors": ("a.safetensors", safetensors, set()),
    "safetensors called bin": ("pytorch_model.bin", safetensors, set()),
    "safetensors called nothing": ("weights", safetensors, set()),
    "pickle called safetensors": ("a.safetensors", saved(state), set()),
    "parts in safetensors": ("model.safetensors.index.json", in_parts(".safetensors"), set()),
    "parts in pickles": ("pytorch_model.bin.index.json", in_parts(".bin"), set()),
}
