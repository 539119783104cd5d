"""Query images and perturbations as PNG data URIs that are the same, byte for byte, for the same data."""

from __future__ import annotations

import base64
import struct
import zlib

import numpy as np
import numpy.typing as npt
from PIL import Image
from torch import Tensor

#: Longest side in pixels; larger images are shrunk.
THUMBNAIL = 64


def png_uri(image: Tensor) -> str:
    """Return an 8-bit image ``(C, H, W)`` as a data URI; images larger than `THUMBNAIL` are shrunk."""
    pixels = np.ascontiguousarray(image.permute(1, 2, 0).cpu().numpy())
    picture = Image.fromarray(pixels[:, :, :3] if pixels.shape[2] >= 3 else pixels[:, :, 0])
    picture.thumbnail((THUMBNAIL, THUMBNAIL), Image.Resampling.BOX)
    return f"data:image/png;base64,{base64.b64encode(_png(np.asarray(picture))).decode()}"


def stretched(delta: Tensor) -> Tensor:
    """Return a perturbation ``(1, C, H, W)`` as an 8-bit image around mid-grey, stretched to full contrast."""
    largest = float(delta.abs().max()) or 1.0
    # whole numbers between -127 and 127 survive float32 without a doubt about their last bit
    return ((delta[0].double() / largest * 127).round() + 128).byte()


def _png(pixels: npt.NDArray[np.uint8]) -> bytes:
    """Encode ``(H, W)`` or ``(H, W, 3)`` bytes without compression: what zlib makes of them differs by its build."""
    height, width = pixels.shape[:2]
    lines = b"".join(b"\0" + line.tobytes() for line in pixels)
    # one stored block, which may hold 65 535 bytes: a thumbnail is far below
    block = struct.pack("<BHH", 1, len(lines), len(lines) ^ 0xFFFF) + lines
    stream = b"\x78\x01" + block + struct.pack(">I", zlib.adler32(lines))
    header = struct.pack(">IIBBBBB", width, height, 8, 0 if pixels.ndim == 2 else 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", stream), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
