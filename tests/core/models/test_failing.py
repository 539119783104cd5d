"""A model that fails: whether the way to it failed or the model, and the advice that fits."""

from __future__ import annotations

import http.client
import socket
import ssl
import urllib.error
from email.message import Message

import pytest
import torch

from fpframe.errors import ModelError, ResourceError, TransportError
from fpframe.models import Query

IMAGES = torch.zeros(2, 1, 4, 4)


def foreign(module: str) -> Exception:
    """Return an error of a library for requests, which need not be installed."""
    return type("HTTPError", (Exception,), {"__module__": module})("500 Server Error")


def asked(error: BaseException) -> None:
    def answer(pixels: torch.Tensor) -> torch.Tensor:
        raise error

    Query(answer, num_classes=3, address="here")(IMAGES)


@pytest.mark.parametrize(
    "error",
    [
        ConnectionResetError("reset by peer"),
        BrokenPipeError("gone"),
        TimeoutError("timed out"),
        socket.gaierror("no such host"),
        ssl.SSLError("bad certificate"),
        urllib.error.URLError("refused"),
        urllib.error.HTTPError("http://127.0.0.1", 503, "Service Unavailable", Message(), None),
        http.client.RemoteDisconnected("closed"),
        foreign("requests.exceptions"),
        foreign("httpx"),
        foreign("aiohttp.client"),
        foreign("urllib3.exceptions"),
        foreign("grpc._channel"),
        foreign("botocore.exceptions"),
    ],
    ids=lambda error: f"{type(error).__module__}.{type(error).__name__}",
)
def test_where_the_way_to_a_model_fails_the_model_is_not_blamed(error):
    with pytest.raises(TransportError, match=r"^the model could not be reached: .* \(here\); ask it again \(--allow"):
        asked(error)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), "check its input shape and preprocessing"),
        (ValueError("expected 3 channels, got 1"), "check its input shape and preprocessing"),
        (KeyError("token"), "fix it, or the code that asks it"),
        (PermissionError("not yours"), "it needs a file or a service that it cannot reach (.*)"),
        (FileNotFoundError("labels.txt"), "it needs a file or a service that it cannot reach (.*)"),
    ],
)
def test_the_advice_fits_what_failed(error, words):
    with pytest.raises(
        ModelError, match=rf"^the model failed on images of shape \(2, 1, 4, 4\): .* \(here\); {words}$"
    ):
        asked(error)


@pytest.mark.parametrize("error", [MemoryError(), torch.OutOfMemoryError("CUDA out of memory")])
def test_too_little_memory_is_no_fault_of_the_model(error):
    with pytest.raises(ResourceError, match=r"2 images at a time are too many for the memory \(here\); lower --batch"):
        asked(error)
