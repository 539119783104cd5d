"""The process of one suspect: it opens the suspect, and answers what it is asked until it is ended."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from fpframe.isolation.border import Facts, answer
from fpframe.isolation.confinement import Bounds, confine
from fpframe.isolation.failure import Failure
from fpframe.isolation.frames import Frames
from fpframe.isolation.messages import (
    read_request,
    written_facts,
    written_failure,
    written_reading,
)
from fpframe.isolation.namespaces import World
from fpframe.isolation.request import OpeningRequest
from fpframe.models import Query
from fpframe.opening import read_pickles_here
from fpframe.registry import Registry

#: Most bytes of pixels in one message.
_MOST_PIXELS = 1 << 40


def serve(frames: Frames, registry: Registry, bounds: Bounds, world: World) -> None:
    """Confine this process, then open one suspect and ask it.

    Args:
        frames: the way to whoever asks; who is trusted, as this process is not from now on.
        registry: where suspect sources come from.
        bounds: what the suspect may use.
        world: the world that this process is in.
    """
    order, _ = frames.receive()
    if order["folder"]:
        os.chdir(order["folder"])
    sys.path[:] = order["path"]
    os.environ.update(order["variables"])
    os.environ["TMPDIR"] = tempfile.tempdir = bounds.folder
    with contextlib.suppress(OSError):
        # where memory ends all the same, the system should end this process and no other
        Path("/proc/self/oom_score_adj").write_text("1000")
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    frames.send({"is": "ready", "lacking": confine(bounds, world)})
    torch.set_num_threads(order["threads"])
    read_pickles_here()
    query = _open(order["address"], read_request(order["request"]), registry)
    if isinstance(query, Failure):
        frames.send(written_failure(query))
        return
    frames.send(written_facts(Facts.of(query)))
    while True:
        asked, body = frames.receive(most=_MOST_PIXELS)
        torch.set_num_threads(asked["threads"])
        said, rows = _answered(query, torch.frombuffer(body, dtype=torch.float32).reshape(asked["shape"]))
        frames.send(said, rows)


def _open(address: str, request: OpeningRequest, registry: Registry) -> Query | Failure:
    try:
        return request.open(address, registry)
    except BaseException as error:
        return Failure.of(error, "refused", address=address)


def _answered(query: Query, pixels: Tensor) -> tuple[dict[str, Any], bytes]:
    said = answer(query, pixels)
    if isinstance(said, Failure):
        return written_failure(said), b""
    rows = said.rows.detach().to("cpu", torch.float32).contiguous()
    told = {"is": "answers", "shape": list(rows.shape), "reading": written_reading(said.reading)}
    return told, rows.numpy().tobytes()
