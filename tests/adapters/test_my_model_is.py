"""Each row of the page "My model is a ...": the score equals that of the same network, opened as a module."""

from __future__ import annotations

import argparse
import json
import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler
from torch import nn

import fpframe
from adapters.networks import (
    SHAPE,
    SIZE,
    K,
    Logits,
    layered,
    linear,
    network_of_timm,
    regression,
    resnet_of_transformers,
)
from fpframe.isolation import InProcess, Isolation, Limits, OpeningRequest, OwnProcess
from frozen import modern_enrolment

PAGE = Path(__file__).parents[2] / "docs/how-to/my-model-is.md"


@attrs.frozen
class Row:
    """One row of the page.

    Attributes:
        network: the same network as a module.
        make: makes the suspect, in an empty folder that is the current one.
        options: what is said about it.
    """

    network: Callable[[], nn.Module]
    make: Callable[[], Any]
    options: dict[str, Any] = attrs.field(factory=dict)


@contextmanager
def quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def scripted():
    with quiet():
        return torch.jit.freeze(torch.jit.script(layered()))


def exported():
    return torch.export.export(layered(), (torch.rand(2, *SHAPE),), dynamic_shapes=({0: torch.export.Dim("count")},))


def onnx_file() -> str:
    free = ({0: torch.export.Dim("count")},)
    with quiet():
        torch.onnx.export(
            layered(), (torch.rand(2, *SHAPE),), "net.onnx", dynamic_shapes=free, dynamo=True, verbose=False
        )
    return "net.onnx"


def onnx_session():
    import onnxruntime

    return onnxruntime.InferenceSession(onnx_file(), providers=["CPUExecutionProvider"])


def program_file() -> str:
    torch.export.save(exported(), "net.pt2")
    return "net.pt2"


def weights_file() -> str:
    Path("my_network.py").write_text(
        "from torch import nn\n\n\ndef make():\n"
        f"    return nn.Sequential(nn.Flatten(), nn.Linear({SIZE}, 16), nn.ReLU(), nn.Linear(16, {K}))\n"
    )
    save_file(layered().state_dict(), "net.safetensors")
    return "net.safetensors"


def written(make: Callable[[nn.Module], Any], path: str) -> Callable[[], str]:
    """Return what saves a checkpoint of a network, with the module that builds it anew."""

    def write() -> str:
        weights_file()
        with quiet():
            torch.save(make(layered()), path)
        return path

    return write


def other() -> nn.Module:
    """Return a network of the same architecture with other weights."""
    network = layered()
    with torch.no_grad():
        network[3].weight.neg_()
    return network


def averaged(network: nn.Module) -> nn.Module:
    """Return the running average of one network, as torch.optim keeps it."""
    return torch.optim.swa_utils.AveragedModel(network)


def of_timm(network: nn.Module) -> dict[str, Any]:
    """Return what timm's training script saves, by the class that it saves with."""
    from timm.utils import CheckpointSaver, ModelEmaV3

    network, plain = ModelEmaV3(network), other()
    saver = CheckpointSaver(
        model=plain, optimizer=torch.optim.SGD(plain.parameters(), lr=0.1), model_ema=network,
        args=argparse.Namespace(model="resnet18", lr=0.1), checkpoint_dir=".", recovery_dir=".",
    )  # fmt: skip
    saver.save_checkpoint(epoch=3, metric=80.0)
    return torch.load("last.pth.tar", weights_only=False)


def of_torchvision(network: nn.Module) -> dict[str, Any]:
    """Return what torchvision's training scripts save."""
    plain = other()
    return {
        "model": plain.state_dict(),
        "optimizer": torch.optim.SGD(plain.parameters(), lr=0.1).state_dict(),
        "epoch": 90,
        "args": argparse.Namespace(lr=0.1),
        "model_ema": averaged(network).state_dict(),
    }


def of_lightning(network: nn.Module) -> dict[str, Any]:
    """Return what Lightning saves of a module that holds a network and a loss with weights."""
    module = nn.ModuleDict({"model": network, "criterion": nn.CrossEntropyLoss(weight=torch.ones(K))})
    return {
        "epoch": 2,
        "global_step": 40,
        "pytorch-lightning_version": "2.4.0",
        "state_dict": module.state_dict(),
        "callbacks": {},
        "optimizer_states": [],
        "hyper_parameters": {"lr": 0.1},
    }


def halved() -> str:
    weights_file()
    save_file(rounded().half().state_dict(), "half.safetensors")
    return "half.safetensors"


def rounded() -> nn.Module:
    """Return the network with the weights that half precision has."""
    return layered().half().float()


def in_parts() -> str:
    weights_file()
    weights = layered().state_dict()
    parts = {name: f"model-0000{1 + number % 2}-of-00002.safetensors" for number, name in enumerate(weights)}
    for part in set(parts.values()):
        save_file({name: weights[name] for name in weights if parts[name] == part}, part)
    index = {"metadata": {"total_size": 1}, "weight_map": parts}
    Path("model.safetensors.index.json").write_text(json.dumps(index))
    return "model.safetensors.index.json"


def script_file():
    with quiet():
        torch.jit.save(torch.jit.script(layered()), "script.pt")
        return torch.jit.load("script.pt")


def onnx_of_two() -> str:
    """Export a network that tells two things of K columns."""

    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = layered()

        def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            return images.flatten(1)[:, :K], self.network(images)

    free = ({0: torch.export.Dim("count")},)
    with quiet():
        torch.onnx.export(
            Two().eval(), (torch.rand(2, *SHAPE),), "two.onnx", dynamic_shapes=free, dynamo=True, verbose=False,
            output_names=["first", "second"],
        )  # fmt: skip
    return "two.onnx"


def pickled_folder(make: Callable[[], str]) -> Callable[[], str]:
    """Return what makes a folder whose weights are a pickle, as libraries wrote them before safetensors."""

    def write() -> str:
        folder = Path(make())
        torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
        (folder / "model.safetensors").unlink()
        return str(folder)

    return write


def folder_of_transformers() -> str:
    with quiet():
        resnet_of_transformers().save_pretrained("hf")
    return "hf"


def folder_of_timm() -> str:
    import timm

    network = network_of_timm()
    network.pretrained_cfg |= {"input_size": SHAPE, "crop_pct": 1.0, "mean": (0.0,), "std": (1.0,)}
    timm.models.save_for_hf(network, "timm", model_args={"in_chans": 1}, safe_serialization=True)
    return "timm"


def mlflow_model(folder: str = "model") -> str:
    """Save a network as MLflow saves it as ONNX."""
    import mlflow.onnx
    import onnx

    with quiet():
        mlflow.onnx.save_model(onnx.load_model(onnx_file()), folder)
    return folder


def mlflow_program() -> str:
    import mlflow.pytorch

    with quiet():
        mlflow.pytorch.save_model(
            layered(), "program", input_example=np.zeros((2, *SHAPE), np.float32), export_model=True
        )
    return "program"


def mlflow_registry() -> str:
    import mlflow

    folder = Path(mlflow_model()).resolve()
    mlflow.set_tracking_uri(f"sqlite:///{Path.cwd()}/registry.db")  # an absolute path, for MLflow keeps stores by it
    client = mlflow.MlflowClient()
    with quiet():
        client.create_registered_model("mine")
        client.create_model_version("mine", source=str(folder))
    return "mlflow:models:/mine/1"


def pyfunc():
    import mlflow.pyfunc

    with quiet():
        return mlflow.pyfunc.load_model(mlflow_model())


def art_classifier():
    from art.estimators.classification import PyTorchClassifier

    return PyTorchClassifier(
        nn.Sequential(Halving(), layered()), loss=nn.CrossEntropyLoss(), input_shape=SHAPE, nb_classes=K,
        clip_values=(0, 255), device_type="cpu",
    )  # fmt: skip


class Halving(nn.Module):
    """What a network for pixels from 0 to 255 begins with."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images / 255


def keras_model():
    import keras

    network = layered()
    inputs = keras.Input((8, 8, 1))
    hidden = keras.layers.Dense(16, activation="relu", name="hidden")(keras.layers.Flatten()(inputs))
    model = keras.Model(inputs, keras.layers.Dense(K, name="head")(hidden))
    for name, layer in (("hidden", network[1]), ("head", network[3])):
        model.get_layer(name).set_weights([layer.weight.detach().numpy().T, layer.bias.detach().numpy()])
    return model


def asking_function():
    network = layered()
    return lambda images: torch.softmax(network(images), 1).detach().numpy()


#: Said about files of weights.
WEIGHTS = {"backbone": "python:my_network:make"}

#: By the first cell of each row of the page.
ROWS = {
    "PyTorch module": Row(layered, layered),
    "TorchScript module": Row(layered, scripted),
    "exported program": Row(layered, exported),
    "weights file": Row(layered, weights_file, WEIGHTS),
    "weights file in half precision": Row(rounded, halved, WEIGHTS),
    "Lightning checkpoint": Row(layered, written(of_lightning, "last.ckpt"), WEIGHTS),
    "timm checkpoint with averaged weights": Row(layered, written(of_timm, "model_best.pth.tar"), WEIGHTS),
    "torchvision checkpoint with averaged weights": Row(layered, written(of_torchvision, "model_90.pth"), WEIGHTS),
    "checkpoint without its averaged weights": Row(
        other, written(of_timm, "model_best.pth.tar"), {**WEIGHTS, "checkpoint_key": "state_dict"}
    ),
    "file of `DataParallel` weights": Row(
        layered, written(lambda network: nn.DataParallel(network).state_dict(), "net.pth"), WEIGHTS
    ),
    "file of `torch.compile` weights": Row(
        layered, written(lambda network: torch.compile(network).state_dict(), "net.pt"), WEIGHTS
    ),
    "weights file in several parts": Row(layered, in_parts, WEIGHTS),
    "pickled network": Row(layered, written(lambda network: network, "net.pt"), WEIGHTS),
    "TorchScript file": Row(layered, script_file),
    "`.onnx` file": Row(layered, onnx_file),
    "`.onnx` file with several outputs": Row(layered, onnx_of_two, {"read_output": "second"}),
    "onnxruntime session": Row(layered, onnx_session),
    "`.pt2` file": Row(layered, program_file, {"trust_code": True}),
    "Hugging Face folder": Row(lambda: Logits(resnet_of_transformers()), folder_of_transformers),
    "Hugging Face folder with `pytorch_model.bin`": Row(
        lambda: Logits(resnet_of_transformers()), pickled_folder(folder_of_transformers)
    ),
    "transformers model": Row(lambda: Logits(resnet_of_transformers()), resnet_of_transformers),
    "timm folder": Row(network_of_timm, folder_of_timm),
    "timm folder with `pytorch_model.bin`": Row(network_of_timm, pickled_folder(folder_of_timm)),
    "MLflow registry": Row(layered, mlflow_registry),
    "MLflow folder": Row(layered, mlflow_model),
    "MLflow folder with `model.pt2`": Row(layered, mlflow_program, {"trust_code": True}),
    "MLflow pyfunc": Row(layered, pyfunc),
    "scikit-learn classifier": Row(linear, regression),
    "ART classifier": Row(layered, art_classifier),
    "Keras model": Row(layered, keras_model),
    "function": Row(layered, asking_function),
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/registry.db")
    return tmp_path


@pytest.fixture(scope="module")
def enrolment():
    return modern_enrolment()


def scores_of(suspect: Any, enrolment: fpframe.Enrolment, isolation: Isolation, **options: Any) -> np.ndarray:
    """Return what a suspect scores in each view."""
    shape, classes = enrolment.queries.image_shape, tuple(enrolment.classes)
    request = OpeningRequest(num_classes=K, image_shape=shape, classes=classes, **options)
    with isolation, quiet():
        query = isolation.open(suspect, request)
        assert query.spent == 0
        return np.asarray(enrolment.view_scores(fpframe.ask(query, enrolment.queries), "probs"))


@pytest.fixture(scope="module")
def expected(enrolment) -> Callable[[Callable[[], nn.Module]], np.ndarray]:
    """Return what a network scores, opened as a module; each is asked once."""
    known: dict[Any, np.ndarray] = {}
    registry = fpframe.load_registry()

    def of(make: Callable[[], nn.Module]) -> np.ndarray:
        if make not in known:
            known[make] = scores_of(make(), enrolment, InProcess(registry), outputs="logits")
        return known[make]

    return of


@pytest.mark.parametrize("name", ROWS)
def test_the_score_is_that_of_the_same_network_as_a_module(name, folder, enrolment, expected):
    row = ROWS[name]
    found = scores_of(row.make(), enrolment, InProcess(fpframe.load_registry()), **row.options)
    assert len(found) == enrolment.queries.views
    np.testing.assert_allclose(found, expected(row.network), atol=1e-5)


#: Those that lie somewhere, and so are opened in a process of their own.
ADDRESSES = [
    "`.onnx` file",
    "Hugging Face folder",
    "timm folder",
    "MLflow registry",
    "MLflow folder",
    "Hugging Face folder with `pytorch_model.bin`",
    "timm checkpoint with averaged weights",
    "`.onnx` file with several outputs",
]


@pytest.mark.parametrize("name", ADDRESSES)
def test_it_is_the_same_in_a_process_of_its_own(name, folder, enrolment, expected):
    row = ROWS[name]
    limits = Limits.usual(variables=("MLFLOW_TRACKING_URI",))
    found = scores_of(row.make(), enrolment, OwnProcess(fpframe.load_registry(), limits), **row.options)
    np.testing.assert_allclose(found, expected(row.network), atol=1e-5)


def test_there_is_a_verdict_on_an_innocent_classifier_of_scikit_learn(enrolment):
    images, labels = load_digits(return_X_y=True)
    suspect = make_pipeline(MinMaxScaler(), RandomForestClassifier(random_state=0)).fit(images / 16, labels)
    assert fpframe.verify(enrolment, suspect).verdict == "NOT_SHOWN"


def test_every_row_of_the_page_is_tried_and_every_trial_has_a_row():
    table = PAGE.read_text(encoding="utf-8").partition("| My model is a |")[2].partition("\n\n")[0]
    named = [cell.strip() for cell in re.findall(r"^\| (.*?) \|", table, re.M)]
    elsewhere = {"`.tflite` file", "OpenVINO `.xml` file", "service"}
    assert [name for name in named if name not in elsewhere] == list(ROWS)
