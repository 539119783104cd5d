"""A service is asked from within an asynchronous server, as the page on embedding shows it."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
import uvicorn
from fastapi import FastAPI, Request

import fpframe
from faultserver import Ask, FaultServer

SECONDS = 30.0


class Slowly:
    """Answer each request when it is let go."""

    def __init__(self) -> None:
        self.asked, self.go_on = threading.Semaphore(0), threading.Semaphore(0)

    def __call__(self, ask: Ask) -> None:
        self.asked.release()
        self.go_on.acquire(timeout=SECONDS)
        ask.say(ask.rows())


def opens(server: FaultServer, folder: Path) -> Callable[[], fpframe.Query]:
    path = folder / "service.toml"
    path.write_text(f'url = "{server.url}"\nimages = 4\n[answer]\nat = "$.predictions"\n')
    registry = fpframe.load_registry()
    return lambda: fpframe.open_suspect(f"http:{path}", registry=registry, num_classes=10, image_shape=(1, 8, 8))


def make_app(open_one: Callable[[], fpframe.Query], ended: threading.Event) -> FastAPI:
    app = FastAPI()

    @app.post("/ask")
    async def ask(request: Request, images: list[list[list[list[float]]]]) -> list[list[float]]:
        query = open_one()
        job = asyncio.create_task(asyncio.to_thread(query, torch.tensor(images)))
        try:
            while not job.done():
                if await request.is_disconnected():  # whoever asked has gone
                    query.meter.stop()
                await asyncio.wait([job], timeout=0.05)
            return job.result().tolist()
        finally:
            query.meter.close()
            ended.set()

    @app.get("/alive")
    async def alive() -> bool:
        return True

    return app


@contextmanager
def serving(app: FastAPI) -> Iterator[str]:
    """Serve an app on loopback while the block runs."""
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="critical"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(SECONDS)
        listening.close()


def post(url: str, images: torch.Tensor, *, seconds: float = SECONDS) -> list[list[float]]:
    request = urllib.request.Request(
        url, json.dumps(images.tolist()).encode(), headers={"content-type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=seconds) as response:
        rows: list[list[float]] = json.load(response)
    return rows


def test_others_are_answered_while_a_service_is_asked(tmp_path):
    slowly = Slowly()
    with FaultServer(slowly) as server, serving(make_app(opens(server, tmp_path), threading.Event())) as url:
        answer: list[list[float]] = []
        thread = threading.Thread(target=lambda: answer.extend(post(f"{url}/ask", torch.zeros(2, 1, 8, 8))))
        thread.start()
        assert slowly.asked.acquire(timeout=SECONDS)
        with urllib.request.urlopen(f"{url}/alive", timeout=SECONDS) as response:
            assert json.load(response) is True
        assert not answer
        slowly.go_on.release()
        thread.join(SECONDS)
        assert len(answer) == 2


def test_when_whoever_asked_has_gone_the_request_under_way_is_the_last(tmp_path):
    slowly, ended = Slowly(), threading.Event()
    with FaultServer(slowly) as server, serving(make_app(opens(server, tmp_path), ended)) as url:
        for _ in range(2):
            slowly.go_on.release()  # the first two requests are answered
        with pytest.raises(TimeoutError, match="timed out"):
            post(f"{url}/ask", torch.rand(400, 1, 8, 8), seconds=2)
        for _ in range(3):
            assert slowly.asked.acquire(timeout=SECONDS)
        threading.Event().wait(0.5)  # the app looks twenty times per second whether somebody waits
        slowly.go_on.release()
        assert ended.wait(SECONDS)
        assert server.requests == 3


def test_a_task_that_is_cancelled_ends_with_the_request_under_way(tmp_path):
    slowly = Slowly()

    async def job(query: fpframe.Query) -> None:
        work = asyncio.create_task(asyncio.to_thread(query, torch.rand(400, 1, 8, 8)))
        await asyncio.to_thread(slowly.asked.acquire, timeout=SECONDS)
        query.meter.stop()
        slowly.go_on.release()
        with pytest.raises(fpframe.SuspectUnavailableError, match="was ended"):
            await work

    with FaultServer(slowly) as server:
        asyncio.run(job(opens(server, tmp_path)()))
        assert server.requests == 1
