"""The same model gets the same scores from real servers as in process."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

import fpframe

HERE = Path(__file__).parent
FLAT = '[request]\ntemplate = \'{template}\'\nlayout = "flat"\n[answer]\nat = "$.predictions"\n'


@pytest.fixture
def mlserver(start, port, model_file, tmp_path):
    (tmp_path / "settings.json").write_text(
        json.dumps({"host": "127.0.0.1", "http_port": port, "grpc_port": 0, "metrics_port": 0, "parallel_workers": 0})
    )
    (tmp_path / "digits").mkdir()
    shutil.copy(model_file, tmp_path / "digits")
    (tmp_path / "digits" / "model-settings.json").write_text(
        json.dumps(
            {
                "name": "digits",
                "implementation": "mlserver_sklearn.SKLearnModel",
                "parameters": {"uri": "./model.joblib"},
            }
        )
    )
    url = start(["mlserver.cli.main", "start", "."], "/v2/models/digits/ready", port=port)
    path = tmp_path / "service.toml"
    path.write_text(
        f'url = "{url}/v2/models/digits/infer"\nmetadata = "{url}/v2/models/digits"\nimages = 32\n[request]\n'
        'template = \'{"inputs": [{"name": "{input}", "shape": "{shape}", "datatype": "{datatype}", '
        '"data": "{numbers}"}], "outputs": [{"name": "predict_proba"}]}\'\nimage = "flat"\nlayout = "flat"\n'
        '[answer]\nat = "$.outputs[*]"\nform = "tensor"\n'
    )
    return f"http:{path}"


@pytest.fixture
def mlflow(start, port, model, tmp_path):
    import mlflow

    class Scores(mlflow.pyfunc.PythonModel):
        def predict(self, context, model_input, params=None):
            return model.predict_proba(np.asarray(model_input))

    mlflow.pyfunc.save_model(tmp_path / "saved", python_model=Scores())
    url = start(
        ["mlflow", "models", "serve", "-m", "saved", "-p", str(port), "-h", "127.0.0.1", "--env-manager", "local"],
        "/ping",
        port=port,
        MLFLOW_DISABLE_TELEMETRY="true",
    )
    path = tmp_path / "service.toml"
    path.write_text(f'url = "{url}/invocations"\nimages = 32\n' + FLAT.format(template='{"inputs": "{images}"}'))
    return f"http:{path}"


@pytest.fixture
def litserve(start, port, model_file, tmp_path):
    shutil.copy(HERE / "serve_litserve.py", tmp_path)
    url = start(["serve_litserve", str(port)], "/health", port=port, MODEL=str(model_file), PYTHONPATH=str(tmp_path))
    return f"predict:{url}/predict"


@pytest.fixture
def fastapi(start, port, model_file, tmp_path):
    shutil.copy(HERE / "serve_fastapi.py", tmp_path)
    url = start(["serve_fastapi", str(port)], "/health", port=port, MODEL=str(model_file), PYTHONPATH=str(tmp_path))
    path = tmp_path / "service.toml"
    path.write_text(
        f'url = "{url}/classify"\nparallel = 4\n[request]\nbody = "multipart"\nimage = "png"\n'
        '[answer]\nat = "$.classes"\n'
    )
    return f"http:{path}"


@pytest.mark.parametrize("server", ["mlserver", "mlflow", "litserve", "fastapi"])
def test_view_scores_equal_those_in_process(server, request, model, tiny_enrolment):
    address = request.getfixturevalue(server)
    there = fpframe.verify(tiny_enrolment, address)
    here = fpframe.verify(
        tiny_enrolment, lambda pixels: torch.from_numpy(model.predict_proba(pixels.flatten(1).numpy()))
    )
    assert there.view_scores == pytest.approx(here.view_scores, abs=1e-5)
    assert (there.verdict, there.channel, there.queries - 16) == (here.verdict, here.channel, here.queries)
    assert there.transcript.about["service"]["outcomes"].keys() == {"200"}
