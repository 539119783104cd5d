"""`open_victim`: the victim as a network, by what is said of it, its enrolment says, or its file says."""

from __future__ import annotations

import math
from pathlib import Path

from fpframe.enrolment import Enrolment
from fpframe.errors import ModelError, UsageError
from fpframe.models import Classifier, state_digest
from fpframe.opening import Saved, build_for_weights, existing_file, load_weights, refuse_code
from fpframe.registry import Registry

#: Numbers of an image at most: no network takes larger ones, and a slip would take all memory.
_MOST_NUMBERS = 10**8
#: By option, what it may look like.
_EXAMPLES = {"backbone": "timm:resnet18", "classes": "10", "shape": "3x32x32"}


def open_victim(
    path: Path | str,
    registry: Registry,
    *,
    backbone: str | None = None,
    enrolment: Enrolment | None = None,
    num_classes: int | None = None,
    image_shape: str | None = None,
    key: str | None = None,
    trust_code: bool = False,
) -> Classifier:
    """Return the network that a file of the victim's weights belongs to, with them.

    Args:
        path: the file.
        registry: where backbone sources come from.
        backbone: address of its architecture.
        enrolment: the victim's.
        num_classes: number of its classes.
        image_shape: channels, height and width of the images that the network takes, such as ``3x32x32``.
        key: where in the file its weights lie.
        trust_code: follow an address that imports code though only the enrolment or the file names it.

    Raises:
        UsageError: nothing says one of these, or what says it is not to be trusted.
        ModelError: the file cannot be opened, does not fit, or is not the victim of the enrolment.
    """
    existing_file(str(path))
    saved = Saved.of(path) or Saved()
    enrolled = "" if enrolment is None else str(enrolment.victim["backbone"] or "")
    address = backbone or enrolled or saved.backbone
    classes = num_classes or (len(enrolment.classes) if enrolment is not None else saved.num_classes)
    shape = _read(image_shape) or _enrolled(enrolment) or saved.image_shape
    for value, option, example in (
        (address, "backbone", "timm:resnet18"),
        (classes, "classes", "10"),
        (shape, "shape", "3x32x32"),
    ):
        if not value:
            raise UsageError(
                f"nothing says the {option} of the victim ({path}); say it with --{option}, such as {example}"
            )
    if not (backbone or trust_code):
        refuse_code(registry, {address: "the backbone"}, whose=f"what '{path}' or its enrolment says")
    network = build_for_weights(registry, address, path, classes, (shape[0], shape[1], shape[2]))
    load_weights(network, path, key=key)
    if enrolment is not None and state_digest(network.module) != enrolment.victim["digest"]:
        raise ModelError(f"these are not the weights of the enrolled victim ({path}); name its file")
    return network


def _read(text: str | None) -> tuple[int, ...]:
    if text is None:
        return ()
    sizes = tuple(int(size) if size.isdecimal() else 0 for size in text.split("x"))
    if len(sizes) != 3 or not 0 < math.prod(sizes) <= _MOST_NUMBERS:
        raise UsageError(f"'{text}' is not a shape; write channels, height and width, such as 3x32x32")
    return sizes


def _enrolled(enrolment: Enrolment | None) -> tuple[int, ...]:
    if enrolment is None:
        return ()
    shape = enrolment.queries.image_shape
    return shape if enrolment.preparation is None else enrolment.preparation.shape(shape)
