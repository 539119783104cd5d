"""``fpframe probe``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from fpframe.cli.options import Flag
from fpframe.cli.streams import flush_output, say
from fpframe.errors import UsageError

if TYPE_CHECKING:
    from torch import Tensor

    from fpframe.enrolment import Enrolment
    from fpframe.models import Query
    from fpframe.spending import Preview, Service


def probe(
    address: str,
    *,
    enrolment: Path | None = None,
    image: Path | None = None,
    shape: str | None = None,
    classes: int | None = None,
    input_: Annotated[str | None, Parameter(name="--input")] = None,
    pay: Flag = False,
    dry_run: Flag = False,
) -> int:
    """Show what a service is sent for one image, what it answers, and how that is read.

    What it costs is said first. Where the description names a price, nothing is sent until you say that you pay.

    Args:
        address: The service, as 'fpframe verify' takes it, such as http:service.toml.
        enrolment: Folder of the enrolment that the service is to be verified by: its first image is sent.
        image: File of an image to send, of the size that the service takes.
        shape: Channels, height and width of the image, such as 3x32x32, where neither is given.
        classes: Number of classes that the service tells, where no enrolment is given; 10 by default.
        input_: What happens to the image before the service takes it, such as "resize=224; rgb".
        pay: Send the image although that costs money.
        dry_run: Send nothing.
    """
    from fpframe.enrolment import Enrolment
    from fpframe.opening import find_service, open_suspect
    from fpframe.registry import load_registry
    from fpframe.spending import Service

    registry = load_registry()
    if find_service(registry, address) is None:  # anything else would be opened in this process, and run there
        raise UsageError(f"'{address}' is not a service; 'fpframe verify' asks it")
    opened = None if enrolment is None else Enrolment.open(enrolment, registry=registry)
    pixels = _pixels(opened, image, shape)
    names = tuple(opened.classes) if opened else ()
    query = open_suspect(
        address,
        registry=registry,
        num_classes=len(names) or classes or 10,
        image_shape=(pixels.shape[1], pixels.shape[2], pixels.shape[3]),
        classes=names,
        preparation=input_,
    )
    service = query.meter
    assert isinstance(service, Service)
    preview = service.preview(pixels)
    _tell_request(preview)
    flush_output()
    if dry_run or (preview.price and not pay):
        say("\nNothing was sent." + ("" if dry_run else " Say --pay to send it."))
    else:
        _tell_answer(query, service, pixels)
    flush_output()
    return 0


def _pixels(enrolment: Enrolment | None, image: Path | None, shape: str | None) -> Tensor:
    import torch

    from fpframe.models import to_pixels

    if sum(given is not None for given in (enrolment, image, shape)) != 1:
        raise UsageError("one image is sent; say --enrolment, --image or --shape")
    if enrolment is not None:
        images = enrolment.able if len(enrolment.able) else enrolment.queries.images[0]
        return to_pixels(images[:1])
    if image is not None:
        return _read(image)
    sizes = [int(size) if size.isdecimal() else 0 for size in (shape or "").split("x")]
    if len(sizes) != 3 or not all(sizes):
        raise UsageError(f"'{shape}' is not a shape; write channels, height and width, such as 3x32x32")
    ramp = torch.arange(sizes[1] * sizes[2]).reshape(1, 1, sizes[1], sizes[2]) % 256 / 255
    return ramp.expand(1, *sizes).clone()


def _read(path: Path) -> Tensor:
    import numpy as np
    import torch
    from PIL import Image

    from fpframe.errors import DataError, first_line

    try:
        with Image.open(path) as picture:
            array = np.asarray(picture if picture.mode in ("L", "RGB") else picture.convert("RGB"))
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        raise DataError(f"the image cannot be read: {first_line(error)} ({path}); name a PNG or JPEG file") from error
    image = torch.tensor(array) / 255
    return image[None, None] if image.ndim == 2 else image.permute(2, 0, 1)[None]


def _tell_request(preview: Preview) -> None:
    said = f"costs {preview.price}" if preview.price else "costs what the service asks; its description names no price"
    say(f"Sending one image {said}.")
    if preview.before:
        say(f"First it is asked for the name and type of its input: GET {preview.before}")
    say(f"\n{preview.method} {preview.url}")
    for name, value in preview.headers.items():
        say(f"  {name}: {value}")
    say(f"  body, {preview.body_bytes} bytes: {preview.body}")


def _tell_answer(query: Query, service: Service, pixels: Tensor) -> None:
    try:
        rows = query(pixels)
    finally:
        said = service.last_answer
        say(f"\nIt answers with {said}" if said else "\nNo answer came.")
    highest = rows[0].topk(min(3, rows.shape[1]))
    read = query.reading.evidence if query.reading else "one answer does not show what it is; several do"
    ranks = zip(highest.indices.tolist(), highest.values.tolist(), strict=True)
    say(f"\nRead as {query.outputs} ({read}).")
    say(f"Highest: {', '.join(f'class {label} with {value:.4g}' for label, value in ranks)}.")
    say(f"So far: {service.spending}.")
