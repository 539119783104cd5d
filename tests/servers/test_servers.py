"""The same network gets the same scores from real servers as in process."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import fpframe

HERE = Path(__file__).parent


def write(folder: Path, description: str) -> str:
    path = folder / "service.toml"
    path.write_text(description)
    return f"http:{path}"


@pytest.fixture
def mlserver(start, port, models, tmp_path):
    (tmp_path / "settings.json").write_text(
        json.dumps(
            {
                "host": "127.0.0.1",
                "http_port": port,
                "grpc_port": 0,
                "metrics_endpoint": None,
                "metrics_port": 0,
                "parallel_workers": 0,
            }
        )
    )
    (tmp_path / "digits").mkdir()
    shutil.copy(models / "model.joblib", tmp_path / "digits")
    (tmp_path / "digits" / "model-settings.json").write_text(
        json.dumps(
            {
                "name": "digits",
                "implementation": "mlserver_sklearn.SKLearnModel",
                "parameters": {"uri": "./model.joblib"},
            }
        )
    )
    url = start(["-m", "mlserver.cli.main", "start", "."], "/v2/models/digits/ready", port=port)
    return write(
        tmp_path,
        f'url = "{url}/v2/models/digits/infer"\nmetadata = "{url}/v2/models/digits"\nimages = 32\n[request]\n'
        'template = \'{"inputs": [{"name": "{input}", "shape": "{shape}", "datatype": "{datatype}", '
        '"data": "{numbers}"}], "outputs": [{"name": "predict_proba"}]}\'\nimage = "flat"\nlayout = "flat"\n'
        '[answer]\nat = "$.outputs[*]"\nform = "tensor"\n',
    )


@pytest.fixture
def mlflow(start, port, models, tmp_path):
    command = ["-m", "mlflow", "models", "serve", "-m", str(models / "mlflow"), "-p", str(port), "-h", "127.0.0.1"]
    url = start([*command, "--env-manager", "local"], "/ping", port=port)
    return write(
        tmp_path,
        f'url = "{url}/invocations"\nimages = 32\n[request]\ntemplate = \'{{"inputs": "{{images}}"}}\'\n'
        'layout = "flat"\n[answer]\nat = "$.predictions"\n',
    )


@pytest.fixture
def litserve(start, port, models):
    script = str(HERE / "serve_litserve.py")
    url = start([script, str(port)], "/health", port=port, MODEL=str(models / "model.joblib"))
    return f"predict:{url}/predict"


@pytest.fixture
def fastapi(start, port, models, tmp_path):
    script = str(HERE / "serve_fastapi.py")
    url = start([script, str(port)], "/health", port=port, MODEL=str(models / "model.joblib"))
    return write(
        tmp_path,
        f'url = "{url}/classify"\nparallel = 4\n[request]\nbody = "multipart"\nimage = "png"\n'
        '[answer]\nat = "$.classes"\n',
    )


@pytest.mark.parametrize("server", ["mlserver", "mlflow", "litserve", "fastapi"])
def test_view_scores_equal_those_in_process(server, request, network, tiny_enrolment):
    address = request.getfixturevalue(server)
    there = fpframe.verify(tiny_enrolment, address)
    here = fpframe.verify(tiny_enrolment, network)
    assert there.view_scores
    assert there.view_scores == pytest.approx(here.view_scores, abs=1e-5)
    assert (there.verdict, there.channel) == (here.verdict, here.channel)
    assert there.queries - here.queries == 16  # a service is asked some images again, to see that it is still the same
    assert there.transcript.about["service"]["outcomes"].keys() == {"200"}
