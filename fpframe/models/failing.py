"""What is told of a model that fails on images: whether the way to it failed, or the model, and what may help."""

from __future__ import annotations

import http.client
import re
import socket
import ssl
import urllib.error
from collections.abc import Sequence

from torch import Tensor

from fpframe.errors import FpframeError, ModelError, ResourceError, TransportError, first_line, ran_out_of_memory

#: What is raised where the way to a model fails; libraries for requests raise errors of their own.
_TRANSPORT = (
    ConnectionError,
    TimeoutError,
    urllib.error.URLError,
    http.client.HTTPException,
    socket.gaierror,
    ssl.SSLError,
)
_LIBRARIES = frozenset(
    {
        "requests",
        "httpx",
        "httpcore",
        "httpx2",
        "httpcore2",
        "niquests",
        "aiohttp",
        "urllib3",
        "grpc",
        "botocore",
        "websockets",
    }
)
#: A suspect may be kept from the network.
_NETWORK = " (--allow-network lets a suspect use the network)"
#: Words of errors that a wrong shape or type of images causes.
_SHAPE = re.compile(
    r"\b(shapes?|sizes?|dim|dims|dimensions?|channels?|broadcast\w*|mat1|dtype|scalar type|input)\b", re.IGNORECASE
)


def explained(error: BaseException, images: Tensor, address: str) -> FpframeError:
    """Return what a caller is told of an error that a model raised on a batch of images ``(N, C, H, W)``."""
    where, shape = address or "suspect", tuple(images.shape)
    if ran_out_of_memory(error):
        return ResourceError(
            f"{len(images)} images at a time are too many for the memory ({where}); lower --batch-size, or raise "
            "--memory"
        )
    said, causes = first_line(error), _causes(error)
    if is_transport(error):
        return TransportError(f"the model could not be reached: {said} ({where}); ask it again{_NETWORK}")
    return ModelError(f"the model failed on images of shape {shape}: {said} ({where}); {_advice(causes)}")


def _advice(causes: Sequence[BaseException]) -> str:
    """Return what may help a model that failed, as far as what was raised tells."""
    if any(isinstance(each, OSError) for each in causes):
        return f"it needs a file or a service that it cannot reach{_NETWORK}"
    if any(_SHAPE.search(str(each)) for each in causes):
        return "check its input shape and preprocessing"
    return "fix it, or the code that asks it"


def _causes(error: BaseException) -> list[BaseException]:
    """Return an error and what it was raised from."""
    causes, cause = list[BaseException](), error
    while cause is not None and cause not in causes:
        causes.append(cause)
        cause = cause.__cause__ or cause.__context__  # type: ignore[assignment]
    return causes


def is_transport(error: BaseException) -> bool:
    """Tell whether the way to a model failed, and not the model: then it may answer when it is asked again."""
    libraries = {kind.__module__.partition(".")[0] for kind in type(error).__mro__}
    return isinstance(error, _TRANSPORT) or bool(libraries & _LIBRARIES)
