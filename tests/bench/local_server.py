"""A service on this machine, as a program of its own: it answers, and tells when it was asked and what.

    python tests/bench/local_server.py MILLISECONDS

It prints its port. ``POST`` is answered after so many milliseconds; ``GET`` tells what came since the last one.
"""

from __future__ import annotations

import base64
import http.server
import json
import sys
import time
from typing import Any, ClassVar

import numpy as np

WEIGHTS = np.random.default_rng(0).normal(size=(64, 10))


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers images of 8x8 pixels with probabilities, and keeps what it was sent."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # an answer leaves in one piece
    disable_nagle_algorithm = True
    seconds = 0.0
    first = last = 0.0
    bodies: ClassVar[list[str]] = []

    def do_POST(self) -> None:
        cls, now = type(self), time.perf_counter()
        body = self.rfile.read(int(self.headers["content-length"]))
        cls.first = cls.first or now
        cls.bodies.append(base64.b64encode(body).decode())
        images = np.array(json.loads(body)["inputs"])
        odds = np.exp(images.reshape(len(images), -1) @ WEIGHTS)
        time.sleep(cls.seconds)
        self.answer({"predictions": (odds / odds.sum(1, keepdims=True)).tolist()})
        cls.last = time.perf_counter()

    def do_GET(self) -> None:
        cls = type(self)
        self.answer({"seconds": cls.last - cls.first, "bodies": cls.bodies})
        cls.first, cls.bodies = 0.0, []

    def answer(self, said: Any) -> None:
        """Send a body in JSON."""
        content = json.dumps(said).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *arguments: Any) -> None:
        """Say nothing."""


if __name__ == "__main__":
    Handler.seconds = float(sys.argv[1]) / 1000
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(server.server_port, flush=True)
    server.serve_forever()
