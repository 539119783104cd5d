"""What is told of a model that fails on images: whether the way to it failed, or the model, and what may help."""

from __future__ import annotations

import http.client
import re
import socket
import ssl
import urllib.error

import torch
from torch import Tensor

from fpframe.errors import FpframeError, ModelError, ResourceError, TransportError, first_line

#: What is raised where the way to a model fails; libraries for requests raise errors of their own.
_TRANSPORT = (
    ConnectionError,
    TimeoutError,
    urllib.error.URLError,
    http.client.HTTPException,
    socket.gaierror,
    ssl.SSLError,
)
_LIBRARIES = frozenset({"requests", "httpx", "httpcore", "aiohttp", "urllib3", "grpc", "botocore", "websockets"})
#: Words of errors that a wrong shape or type of images causes.
_SHAPE = re.compile(r"shape|size|dimension|channels|dtype|mat1|rank|same type|scalar type", re.IGNORECASE)


def explained(error: BaseException, images: Tensor, address: str) -> FpframeError:
    """Return what a caller is told of an error that a model raised on a batch of images ``(N, C, H, W)``."""
    where, shape = address or "suspect", tuple(images.shape)
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return ResourceError(
            f"{len(images)} images at a time are too many for the memory ({where}); lower --batch-size"
        )
    said = first_line(error)
    if is_transport(error):
        return TransportError(f"the model could not be reached: {said} ({where}); ask it again")
    helps = "check its input shape and preprocessing" if _SHAPE.search(said) else "mend it, or whatever answers for it"
    return ModelError(f"the model failed on images of shape {shape}: {said} ({where}); {helps}")


def is_transport(error: BaseException) -> bool:
    """Tell whether the way to a model failed, and not the model: then it may answer when it is asked again."""
    libraries = {kind.__module__.partition(".")[0] for kind in type(error).__mro__}
    return isinstance(error, _TRANSPORT) or bool(libraries & _LIBRARIES)
