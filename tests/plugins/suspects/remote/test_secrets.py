"""A secret goes to the service, and nowhere else."""

from __future__ import annotations

import io
import json
import traceback

import pytest

import fpframe
from faultserver import Ask, FaultServer
from fpframe_plugins.suspects.remote.description import Header
from fpframe_plugins.suspects.remote.secret import Secrets
from plugins.suspects.remote.asking import describe, open_service, pixels

KEY = "sk-very-secret-42"
HEADERS = '[headers]\nauthorization = {env = "THEIR_KEY", prefix = "Bearer "}'


def echo_refusing(ask: Ask) -> None:
    ask.send(401, json.dumps({"error": f"wrong key: {ask.handler.headers['authorization']}"}).encode())


def echo_answering(ask: Ask) -> None:
    ask.send(200, json.dumps({"predictions": ask.rows().tolist(), "you_sent": dict(ask.handler.headers)}).encode())


@pytest.mark.parametrize("mode", [echo_refusing, echo_answering])
def test_a_secret_is_sent_and_stands_in_nothing_else(mode, registry, tmp_path, monkeypatch):
    monkeypatch.setenv("THEIR_KEY", KEY)
    ledger = tmp_path / "service.ledger"
    with FaultServer(mode) as server:
        terms = fpframe.Terms(ledger=str(ledger))
        query = open_service(registry, describe(tmp_path, server.url, more=HEADERS), terms=terms)
        said = io.StringIO()
        try:
            query(pixels())
        except fpframe.SuspectUnavailableError as error:
            traceback.print_exception(error, file=said)
        assert set(server.secrets) == {f"Bearer {KEY}"}
        preview = query.meter.preview(pixels(1))
    told = f"{said.getvalue()}{query.meter.evidence()}{query.meter.last_answer}{preview}{vars(query)}"
    assert KEY not in told
    assert KEY.encode() not in ledger.read_bytes()
    assert preview.headers["authorization"] == "Bearer (environment variable THEIR_KEY)"


def test_a_redirect_gets_no_secret(registry, tmp_path, monkeypatch):
    monkeypatch.setenv("THEIR_KEY", KEY)
    with FaultServer(lambda ask: ask.say(ask.rows())) as other:
        with FaultServer(lambda ask: ask.send(307, location=other.url)) as server:
            query = open_service(registry, describe(tmp_path, server.url, more=HEADERS))
            with pytest.raises(fpframe.SuspectUnavailableError, match="where nothing was sent"):
                query(pixels())
        assert other.requests == 0


@pytest.mark.parametrize(
    ("header", "said"),
    [
        (Header(env="NOT_SET_AT_ALL"), "'NOT_SET_AT_ALL' for header 'key' is not set"),
        (Header(file="/nowhere/key"), "cannot be read"),
    ],
)
def test_a_secret_that_is_not_there_is_named(header, said):
    with pytest.raises(fpframe.UsageError, match=said):
        Secrets({"key": header}, "http:service.toml")


def test_a_secret_from_a_file_is_sent_without_its_line_end(tmp_path):
    (tmp_path / "key").write_text(f"{KEY}\n")
    secrets = Secrets({"key": Header(file=str(tmp_path / "key"))}, "http:service.toml")
    assert secrets.headers == {"key": KEY}
    assert KEY not in repr(secrets)
