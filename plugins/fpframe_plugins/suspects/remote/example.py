"""A service on this machine that answers as a model does, for the conformance kit."""

from __future__ import annotations

import http.server
import io
import json
import threading
from typing import Any

import numpy as np
import torch
from PIL import Image

import fpframe


def serve_example(model: fpframe.Classifier, protocol: str) -> str:
    """Serve a model to this machine until the process ends, and return the address.

    Args:
        model: the model.
        protocol: ``oip``, ``invocations``, ``predict`` or ``hf``.
    """
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _handler(model, protocol))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    path = {"oip": "v2/models/suspect", "predict": "v1/models/suspect:predict"}.get(protocol, protocol)
    return f"http://127.0.0.1:{server.server_port}/{path}"


def _handler(model: fpframe.Classifier, protocol: str) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # an answer leaves in one piece
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            self._answer({"name": "suspect", "inputs": [{"name": "images", "datatype": "FP32", "shape": [-1]}]})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            with torch.no_grad():
                self._answer(_said(model, protocol, body))

        def _answer(self, said: Any) -> None:
            content = json.dumps(said).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *arguments: Any) -> None:
            pass

    return Handler


def _said(model: fpframe.Classifier, protocol: str, body: bytes) -> Any:
    if protocol == "hf":
        image = torch.tensor(np.asarray(Image.open(io.BytesIO(body)))).float() / 255
        image = image[None] if image.ndim == 2 else image.permute(2, 0, 1)
        scores = model(image[None]).softmax(1)[0].tolist()
        return [{"label": f"LABEL_{label}", "score": score} for label, score in enumerate(scores)]
    asked = json.loads(body)
    if protocol == "oip":
        [tensor] = asked["inputs"]
        logits = model(torch.tensor(tensor["data"]).reshape(tensor["shape"]))
        shape, data = list(logits.shape), logits.flatten().tolist()
        return {"outputs": [{"name": "logits", "datatype": "FP32", "shape": shape, "data": data}]}
    images = asked["instances" if protocol == "predict" else "inputs"]
    return {"predictions": model(torch.tensor(images)).tolist()}
