"""Models of a registry of MLflow in files, opened in a process of their own, which may write nothing beside them."""

from __future__ import annotations

import warnings
from pathlib import Path

import mlflow
import mlflow.onnx
import onnx
import pytest
import torch
from torch import nn

import fpframe
from adapters.networks import SHAPE, K, layered
from fpframe.isolation import Limits, OpeningRequest, OwnProcess


def exported(network: nn.Module, path: str) -> onnx.ModelProto:
    """Return a network as ONNX."""
    free = ({0: torch.export.Dim("count")},)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(network, (torch.rand(2, *SHAPE),), path, dynamic_shapes=free, dynamo=True, verbose=False)
    return onnx.load_model(path)


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    """A registry with two versions of a model, the first of them under an alias too; yields the id of the second."""
    folder = tmp_path_factory.mktemp("registry")
    before = mlflow.get_tracking_uri()
    other = layered()
    with torch.no_grad():
        other[3].bias += torch.arange(K)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder}/registry.db")
        mlflow.set_tracking_uri(f"sqlite:///{folder}/registry.db")
        with warnings.catch_warnings(), mlflow.start_run():
            warnings.simplefilter("ignore")
            for network in (layered(), other):
                model = exported(network, f"{folder}/net.onnx")
                logged = mlflow.onnx.log_model(model, name="net", registered_model_name="pets")
        mlflow.MlflowClient().set_registered_model_alias("pets", "champion", "1")
        yield logged.model_id, layered(), other
        mlflow.set_tracking_uri(before)


@pytest.fixture(scope="module")
def opened(registry):
    """What opens an address of that registry in a process of its own."""
    with OwnProcess(fpframe.load_registry(), Limits.usual(variables=("MLFLOW_TRACKING_URI",))) as isolation:
        yield lambda address: isolation.open(address, OpeningRequest(num_classes=K, image_shape=SHAPE))


@pytest.mark.parametrize(
    ("name", "which"), [("pets/1", 0), ("pets/2", 1), ("pets@champion", 0), ("pets/latest", 1), ("ID", 1)]
)
def test_a_model_is_opened_by_version_alias_and_id(name, which, registry, opened):
    logged, *networks = registry
    pixels = torch.rand(5, *SHAPE, generator=torch.Generator().manual_seed(3))
    answers = opened(f"mlflow:models:/{name.replace('ID', logged)}")(pixels)
    with torch.no_grad():
        torch.testing.assert_close(answers, networks[which](pixels).softmax(1), atol=1e-5, rtol=0)


def test_nothing_is_written_to_the_registry(registry, opened):
    folder = mlflow.MlflowClient().get_logged_model(registry[0]).artifact_location
    before = sorted(Path(folder).rglob("*"))
    opened("mlflow:models:/pets/2")
    assert sorted(Path(folder).rglob("*")) == before


@pytest.mark.parametrize("name", ["pets/7", "cats/1", "pets@nobody"])
def test_a_model_that_is_not_there_is_told_with_what_to_do(name, opened):
    with pytest.raises(fpframe.errors.ModelError, match="check its name and version, and hand the registry over"):
        opened(f"mlflow:models:/{name}")
