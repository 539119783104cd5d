"""A service is asked from within an asynchronous server, which answers others meanwhile."""

from __future__ import annotations

import asyncio
import threading

import pytest
import torch

import fpframe
from faultserver import FaultServer


def open_one(server: FaultServer, folder) -> fpframe.Query:
    path = folder / "service.toml"
    path.write_text(f'url = "{server.url}"\nimages = 4\n[answer]\nat = "$.predictions"\n')
    return fpframe.open_suspect(f"http:{path}", registry=fpframe.load_registry(), num_classes=10, image_shape=(1, 8, 8))


def test_others_are_answered_while_a_service_is_asked(tmp_path):
    from fastapi import FastAPI
    from starlette.testclient import TestClient

    asked, go_on = threading.Event(), threading.Event()

    def waits(ask):
        asked.set()
        go_on.wait(30)
        ask.say(ask.rows())

    with FaultServer(waits) as server:
        query = open_one(server, tmp_path)
        app = FastAPI()

        @app.post("/ask")
        async def ask(images: list) -> list:
            rows = await asyncio.to_thread(query, torch.tensor(images))
            return rows.tolist()

        @app.get("/alive")
        async def alive() -> bool:
            return True

        with TestClient(app) as client:
            answer: list = []
            images = torch.zeros(2, 1, 8, 8).tolist()
            thread = threading.Thread(target=lambda: answer.append(client.post("/ask", json=images).json()))
            thread.start()
            assert asked.wait(30)
            assert client.get("/alive").json() is True
            go_on.set()
            thread.join(30)
            assert len(answer[0]) == 2


def test_a_task_that_is_cancelled_ends_within_one_request(tmp_path):
    first = threading.Event()

    def counting(ask):
        first.set()
        ask.say(ask.rows())

    async def job(query: fpframe.Query) -> None:
        work = asyncio.ensure_future(asyncio.to_thread(query, torch.rand(4000, 1, 8, 8)))
        await asyncio.to_thread(first.wait, 30)
        query.meter.stop()
        with pytest.raises(fpframe.SuspectUnavailableError, match="was ended"):
            await work

    with FaultServer(counting) as server:
        asyncio.run(job(open_one(server, tmp_path)))
        assert server.requests < 1000
