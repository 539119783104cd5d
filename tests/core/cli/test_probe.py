"""``fpframe probe``: what is sent, what comes back and how it is read, with the cost said before anything is sent."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from core.cli.complaining import complaint
from faultserver import FaultServer
from fpframe.cli import run


@pytest.fixture
def server(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("THEIR_KEY", "sk-very-secret-42")
    with FaultServer(lambda ask: ask.say(ask.rows())) as running:
        yield running


def describe(server, more: str = "") -> None:
    Path("service.toml").write_text(
        f'url = "{server.url}"\n[headers]\nauthorization = {{env = "THEIR_KEY", prefix = "Bearer "}}\n'
        f'[answer]\nat = "$.predictions"\n{more}'
    )


def test_one_image_is_sent_and_its_answer_is_shown(server, capfd):
    describe(server)
    assert run(["probe", "http:service.toml", "--shape", "1x8x8"]) == 0
    said = capfd.readouterr().out
    assert "names no price" in said
    assert f"POST {server.url}" in said
    assert "authorization: Bearer (environment variable THEIR_KEY)" in said
    assert "sk-very" not in said
    assert 'It answers with status 200: {"predictions": [[' in said
    assert "Read as probs" in said
    assert server.images == 1


def test_nothing_is_sent_that_costs_money_unless_you_say_so(server, capfd):
    describe(server, '[price]\nrequest = 0.25\ncurrency = "EUR"\n')
    assert run(["probe", "http:service.toml", "--shape", "1x8x8"]) == 0
    said = capfd.readouterr().out
    assert "Sending one image costs 0.25 EUR." in said
    assert "Say --pay to send it." in said
    assert server.requests == 0
    assert run(["probe", "http:service.toml", "--shape", "1x8x8", "--pay"]) == 0
    assert "0.25 EUR spent" in capfd.readouterr().out
    assert server.requests == 1


def test_a_dry_run_sends_nothing(server, capfd):
    describe(server)
    assert run(["probe", "http:service.toml", "--shape", "1x8x8", "--dry-run"]) == 0
    assert "Nothing was sent." in capfd.readouterr().out
    assert server.requests == 0


def test_an_image_of_yours_is_sent(server, capfd):
    describe(server)
    Image.new("L", (8, 8), 255).save("white.png")
    assert run(["probe", "http:service.toml", "--image", "white.png"]) == 0
    assert '{"inputs":[[[[1,1,1,1,1,1,1,1],' in capfd.readouterr().out


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ([], 2, "say --enrolment, --image or --shape"),
        (["--shape", "8x8"], 2, "is not a shape"),
        (["--image", "nowhere.png"], 3, "cannot be read"),
    ],
)
def test_what_is_missing_is_said(server, capfd, words, code, said):
    describe(server)
    assert said in complaint(capfd, ["probe", "http:service.toml", *words], code)
    assert server.requests == 0


def test_what_is_no_service_is_not_even_imported(server, capfd):
    Path("unserved.py").write_text("open('canary', 'w')\ndef predict(pixels):\n    return pixels\n")
    assert "is not a service" in complaint(capfd, ["probe", "python:unserved:predict", "--shape", "1x8x8"], 2)
    assert not Path("canary").exists()
