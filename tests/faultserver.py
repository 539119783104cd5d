"""A service on this machine that fails in a way that a test names, and counts what it was sent."""

from __future__ import annotations

import contextlib
import email.utils
import gzip
import http.server
import json
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

import numpy as np

#: From images ``(N, C, H, W)`` in [0, 1] to probabilities ``(N, K)``.
Model = Callable[[np.ndarray], np.ndarray]


def linear_model(shape: tuple[int, ...] = (1, 8, 8), classes: int = 10, seed: int = 0) -> Model:
    """Return a model that needs no training."""
    weights = np.random.default_rng(seed).normal(size=(int(np.prod(shape)), classes))

    def answer(images: np.ndarray) -> np.ndarray:
        logits = images.reshape(len(images), -1) @ weights
        odds = np.exp(logits - logits.max(1, keepdims=True))
        return odds / odds.sum(1, keepdims=True)

    return answer


class Ask:
    """One request, and the ways to answer it."""

    def __init__(self, server: FaultServer, handler: Any, number: int, body: bytes) -> None:
        self.server, self.handler, self.number, self.body = server, handler, number, body

    @property
    def images(self) -> np.ndarray:
        """The images that were sent."""
        return np.array(json.loads(self.body)["inputs"])

    @property
    def repeated(self) -> bool:
        """Whether the service was sent one of them before."""
        keys = {image.tobytes() for image in self.images}
        with self.server.lock:
            known = bool(keys & self.server.known)
            self.server.known |= keys
        return known

    @property
    def tries(self) -> int:
        """How often the same request came so far, this time included."""
        with self.server.lock:
            self.server.tried[self.body] += 1
            return self.server.tried[self.body]

    def rows(self) -> np.ndarray:
        """What the model says."""
        return self.server.model(self.images)

    def say(self, rows: Any, **headers: str) -> None:
        """Answer properly."""
        self.send(
            200, json.dumps({"predictions": rows if isinstance(rows, list) else rows.tolist()}).encode(), **headers
        )

    def send(self, status: int, content: bytes = b"", *, length: int | None = None, **headers: str) -> None:
        """Send a status, headers and a body."""
        self.handler.send_response(status)
        given = {"content-type": "application/json", "x-request-id": f"r{self.number}", **headers}
        for name, value in given.items():
            self.handler.send_header(name.replace("_", "-"), value)
        self.handler.send_header("content-length", str(len(content) if length is None else length))
        self.handler.end_headers()
        self.handler.wfile.write(content)

    def reset(self) -> None:
        """Cut the connection."""
        self.handler.wfile.flush()
        self.handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.handler.connection.close()
        self.handler.close_connection = True


Mode = Callable[[Ask], None]


class FaultServer:
    """Serve a mode on loopback while the block runs.

    Attributes:
        requests: how many came.
        images: how many images they held.
        keys: the values of the header ``idempotency-key``.
        secrets: the values of the header ``authorization``.
    """

    def __init__(self, mode: Mode, model: Model | None = None, *, on_get: Callable[[Any], None] | None = None) -> None:
        self.mode, self.model, self.on_get = mode, model or linear_model(), on_get
        self.requests, self.images = 0, 0
        self.keys: list[str] = []
        self.secrets: list[str] = []
        self.known: set[bytes] = set()
        self.tried: Counter[bytes] = Counter()
        self.lock = threading.Lock()
        self.done = threading.Event()
        self._server = _Server(("127.0.0.1", 0), _handler(self))

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.done.set()
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self._server.server_port}/ask"


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: Any, address: Any) -> None:
        pass  # whoever asks may be killed at any moment


def _handler(server: FaultServer) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            with server.lock:
                server.requests += 1
                number = server.requests
                server.images += len(json.loads(body)["inputs"]) if body.startswith(b"{") else 1
                server.keys.append(self.headers.get("idempotency-key", ""))
                server.secrets.append(self.headers.get("authorization", ""))
            server.mode(Ask(server, self, number, body))

        def do_GET(self) -> None:
            with server.lock:
                (server.on_get or (lambda handler: handler.send_error(404)))(self)

        def log_message(self, *arguments: Any) -> None:
            pass

    return Handler


def _good(ask: Ask) -> None:
    ask.say(ask.rows())


def _status(status: int, **headers: str) -> Mode:
    return lambda ask: ask.send(status, b'{"error": "no"}', **headers)


def _at_first(times: int, mode: Mode) -> Mode:
    """Fail as a mode does, some times, and be well from then on."""
    return lambda ask: (mode if ask.number <= times else _good)(ask)


def _closing(ask: Ask) -> None:
    ask.say(ask.rows(), connection="close")


def _in_the_middle(mode: Mode, answered: int = 2) -> Mode:
    """Be well at first, and then fail as a mode does."""
    return lambda ask: (_good if ask.number <= answered else mode)(ask)


def _date(seconds: float) -> str:
    return email.utils.formatdate(time.time() + seconds, usegmt=True)


def _text(content: str) -> Mode:
    return lambda ask: ask.send(200, content.encode())


def _reset(ask: Ask) -> None:
    ask.reset()


def _cut(ask: Ask) -> None:
    ask.send(200, b'{"predictions": [[0.1', length=4000)
    ask.reset()


def _short(ask: Ask) -> None:
    content = json.dumps({"predictions": ask.rows().tolist()}).encode()
    ask.send(200, content[: len(content) // 2])


def _drip(ask: Ask) -> None:
    ask.send(200, b"{", length=10**6)
    while not ask.server.done.wait(0.02):
        try:
            ask.handler.wfile.write(b" ")
            ask.handler.wfile.flush()
        except OSError:
            return


def _hang(ask: Ask) -> None:
    ask.server.done.wait()
    ask.handler.close_connection = True


_BOMB = gzip.compress(b" " * 12_000_000, 1)


def _bomb(ask: Ask) -> None:
    ask.send(200, _BOMB, content_encoding="gzip")


def _not_gzip(ask: Ask) -> None:
    ask.send(200, b"not compressed at all", content_encoding="gzip")


def _large(ask: Ask) -> None:
    with contextlib.suppress(OSError):  # nobody wants it all
        ask.send(200, b" " * 2_000_000)


def _nan(how: str) -> Mode:
    def answer(ask: Ask) -> None:
        rows = json.dumps(ask.rows().tolist())
        first = rows[2 : rows.index(",")]
        ask.send(200, f'{{"predictions": {rows.replace(first, how, 1)}}}'.encode())

    return answer


def _deep(ask: Ask) -> None:
    ask.send(200, b'{"predictions": ' + b"[" * 100_000 + b"]" * 100_000 + b"}")


def _nested(ask: Ask) -> None:
    ask.send(200, b'{"predictions": ' + b"[" * 500 + b"]" * 500 + b"}")


def _twice(ask: Ask) -> None:
    rows = json.dumps(ask.rows().tolist())
    ask.send(200, f'{{"predictions": {rows}, "predictions": {rows}}}'.encode())


def _one_row_less(ask: Ask) -> None:
    ask.say(ask.rows()[:-1])


def _other_classes(ask: Ask) -> None:
    ask.say(np.hstack([ask.rows(), ask.rows()[:, :1]]))


def _redirect(ask: Ask) -> None:
    ask.send(307, location="http://127.0.0.2:9/elsewhere")


def _redirect_here(ask: Ask) -> None:
    ask.send(308, location="/ask/")


def _no_content(ask: Ask) -> None:
    ask.send(204)


def _entries(rows: np.ndarray, names: list[str], most: int | None = None) -> list[list[dict[str, Any]]]:
    order = np.argsort(-rows, 1)[:, :most]
    return [
        [{"label": names[k], "score": float(row[k])} for k in ranks] for row, ranks in zip(rows, order, strict=True)
    ]


def _named(ask: Ask) -> None:
    ask.say(_entries(ask.rows(), [str(k) for k in range(10)]))


def _unknown(ask: Ask) -> None:
    ask.say(_entries(ask.rows(), ["zebra", *(str(k) for k in range(1, 10))]))


def _error_in_200(ask: Ask) -> None:
    ask.send(200, b'{"error": "model is loading"}')


def _refuses_repeats(ask: Ask) -> None:
    if ask.repeated:
        ask.send(409, b'{"error": "this image was sent before"}')
    else:
        ask.say(ask.rows())


#: Those for which nobody waits long.
SLOW = ("slow drip", "no answer at all")

#: By name, ways to answer that need no enrolment to be judged.
MODES: dict[str, Mode] = {
    "well": _good,
    "well, over a new connection each time": _closing,
    "status 400": _status(400),
    "status 401": _status(401),
    "status 402": _status(402),
    "status 403": _status(403),
    "status 404": _status(404),
    "status 413": _status(413),
    "status 500, always": _status(500),
    "status 500, in the middle": _in_the_middle(_status(500)),
    "status 501": _status(501),
    "status 500, once": _at_first(1, _status(500)),
    "status 502, once": _at_first(1, _status(502)),
    "status 429, once, no Retry-After": _at_first(1, _status(429)),
    "status 429, once, Retry-After in seconds": _at_first(1, _status(429, retry_after="0")),
    "status 429, once, Retry-After as a date": _at_first(1, lambda ask: _status(429, retry_after=_date(-5))(ask)),
    "status 503, once, Retry-After as nonsense": _at_first(1, _status(503, retry_after="soon")),
    "status 429, Retry-After in an hour": _in_the_middle(_status(429, retry_after="3600")),
    "status 503, Retry-After as a date in two hours": _in_the_middle(
        lambda ask: _status(503, retry_after=_date(7200))(ask)
    ),
    "redirect to another host": _redirect,
    "redirect to the same host": _redirect_here,
    "connection reset, once": _at_first(1, _reset),
    "connection reset, always": _reset,
    "connection cut in the answer, once": _at_first(1, _cut),
    "answer cut short, once": _at_first(1, _short),
    "slow drip": _drip,
    "no answer at all": _hang,
    "gzip bomb": _bomb,
    "gzip that is none, once": _at_first(1, _not_gzip),
    "2 MB of spaces": _large,
    "no content": _no_content,
    "empty answer, once": _at_first(1, _text("")),
    "a web page": _text("<html><body>Please log in</body></html>"),
    "an error with status 200": _error_in_200,
    "deep JSON": _deep,
    "JSON of 500 levels": _nested,
    "duplicate keys": _twice,
    "NaN": _nan("NaN"),
    "null for a number": _nan("null"),
    "NaN as a text": _nan('"NaN"'),
    "a number that is too large": _nan("1e999"),
    "one row less": _one_row_less,
    "another number of classes": _other_classes,
    "another number of classes, in the middle": _in_the_middle(_other_classes),
    "names in order of score": _named,
    "an unknown name": _unknown,
    "repeated images refused": _refuses_repeats,
}
