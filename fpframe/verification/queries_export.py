"""`export_queries`: write the images that a suspect is sent, so that somebody else can send them."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from torch import Tensor

from fpframe.enrolment import Enrolment
from fpframe.errors import UsageError
from fpframe.store import refuse_export, write_durably
from fpframe.verification.probes import ROUNDS, asking_order, probe_indices

ARRAYS, LIST, FOLDER = "queries.npz", "queries.json", "images"


def export_queries(enrolment: Enrolment, out: str | Path, *, force: bool = False) -> Path:
    """Write the images that a suspect is sent, in the order of sending.

    ``queries.npz`` holds ``images``, uint8 ``(N, C, H, W)``; ``images/`` the same as PNG, grey or RGB;
    ``queries.json`` says what they are and how to write down the answers. The images that ability is measured on come
    first, then the views, and then some images again, in one batch and twice alone.

    Returns:
        The path of ``queries.json``.

    Raises:
        UsageError: the folder holds something already and `force` is not set, or the images are neither grey nor RGB.
        ResourceError: they cannot be written.
    """
    out = Path(out)
    refuse_export(out, LIST, force=force)
    images = asking_order(enrolment.queries, enrolment.able)
    if images.shape[1] not in (1, 3):
        raise UsageError(f"images of {images.shape[1]} channels cannot be written as PNG")
    probes = len(probe_indices(enrolment.queries))
    able, again = len(enrolment.able), len(images) - ROUNDS * probes
    digits = len(str(len(images) - 1))
    names = [f"{FOLDER}/{number:0{digits}}.png" for number in range(len(images))]
    content = io.BytesIO()
    np.savez_compressed(content, images=images.numpy())
    write_durably(out / ARRAYS, content.getvalue())
    for name, image in zip(names, images, strict=True):
        write_durably(out / name, _png(image))
    about: dict[str, Any] = {
        "queries": enrolment.queries.digest,
        "enrolment": enrolment.digest,
        "images": len(images),
        "ability": [0, able],
        "views": [able, again],
        "together": [again, again + probes],
        "alone": [again + probes, len(images)],
        "classes": list(enrolment.classes),
        "answers": "Save the answers, in the order of the images, as 'answers' in an .npz: probabilities (N, K) or "
        "labels (N,); and the digest above as 'queries', so that the file says what it answers. Send the images "
        "numbered 'together' in one batch, and each of those numbered 'alone' in a batch of its own. "
        "Then: fpframe verify ENROLMENT --answers answers.npz",
    }
    write_durably(out / LIST, (json.dumps(about, indent=2) + "\n").encode())
    return out / LIST


def _png(image: Tensor) -> bytes:
    pixels = image.permute(1, 2, 0).numpy()
    content = io.BytesIO()
    Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels).save(content, format="PNG")
    return content.getvalue()
