"""The body of a request: a template with images in it, a form, or bytes."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import attrs
from torch import Tensor

from fpframe.base import parse_json
from fpframe_plugins.suspects.remote.description import RequestForm
from fpframe_plugins.suspects.remote.images import as_files, as_json, ordered

#: What stands in a template for what is put there.
_NAMES = ("images", "image", "numbers", "shape", "count", "input", "datatype")


@attrs.frozen
class Body:
    """The body of a request.

    Attributes:
        content: its bytes.
        kind: what they are, as the header says it.
    """

    content: bytes
    kind: str

    def shown(self, most: int) -> str:
        """Return the first letters of it, for people; what is no text is said to be so."""
        if self.kind == "application/json":
            text = self.content[: most + 1].decode("utf-8", "replace")
            return text if len(text) <= most else f"{text[:most]}..."
        return f"({self.kind}, {len(self.content)} bytes)"


@attrs.frozen
class Input:
    """What a server says of the input that it takes.

    Attributes:
        name: of the input.
        datatype: of its numbers.
    """

    name: str = "input-0"
    datatype: str = "FP32"


def check_template(form: RequestForm, images: int) -> Any:
    """Return the template of a form as data.

    Raises:
        ValueError: it is not JSON, holds no image or an unknown name, or one image where there may be several.
    """
    if form.body != "json":
        return None
    try:
        template = parse_json(form.template)
    except ValueError as error:
        raise ValueError(f"the template of the request is not JSON: {error}") from error
    found = set(_placeholders(template))
    unknown = sorted(found - set(_NAMES))
    if unknown:
        raise ValueError(f"the template has '{{{unknown[0]}}}', which is none of {', '.join(_NAMES)}")
    if len(found & {"images", "image", "numbers"}) != 1:
        raise ValueError('the template must have "{images}", "{image}" or "{numbers}" in it, and only one of them')
    if "image" in found and images != 1 and not _repeats(template):
        raise ValueError('"{image}" holds one image; put it into a list of its own, or say images = 1')
    return template


def body_of(pixels: Tensor, form: RequestForm, template: Any, known: Input) -> Body:
    """Return the body of a request for images ``(N, C, H, W)`` of pixels in [0, 1]."""
    if form.body == "json":
        images = as_json(pixels, form)
        shape = ordered(pixels, form).shape
        values = {
            "images": f"[{','.join(images)}]",
            "numbers": f"[{','.join(image[1:-1] for image in images)}]",
            "shape": json.dumps(shape),
            "count": str(len(images)),
            "input": json.dumps(known.name),
            "datatype": json.dumps(known.datatype),
            "image": images[0],
        }
        return Body(_filled(template, values, images).encode(), "application/json")
    [file] = as_files(pixels, form)
    if form.body == "bytes":
        return Body(file, f"image/{form.image}")
    boundary = hashlib.sha256(file).hexdigest()[:32]  # which the file does not hold
    head = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="{form.field}"; filename="image.{form.image}"\r\n'
        f"Content-Type: image/{form.image}\r\n\r\n"
    )
    return Body(head.encode() + file + f"\r\n--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}")


def _filled(node: Any, values: dict[str, str], images: list[str]) -> str:
    if (name := _name(node)) is not None:
        return values[name]
    if isinstance(node, dict):
        return f"{{{','.join(f'{json.dumps(key)}:{_filled(value, values, images)}' for key, value in node.items())}}}"
    if isinstance(node, list):
        if _is_repeated(node):
            parts = [_filled(node[0], {**values, "image": image}, images) for image in images]
        else:
            parts = [_filled(part, values, images) for part in node]
        return f"[{','.join(parts)}]"
    return json.dumps(node)


def _name(node: Any) -> str | None:
    return node[1:-1] if isinstance(node, str) and node.startswith("{") and node.endswith("}") else None


def _placeholders(node: Any) -> list[str]:
    if isinstance(node, dict | list):
        inner = node.values() if isinstance(node, dict) else node
        return [name for part in inner for name in _placeholders(part)]
    name = _name(node)
    return [] if name is None else [name]


def _is_repeated(node: Any) -> bool:
    return isinstance(node, list) and len(node) == 1 and "image" in _placeholders(node[0])


def _repeats(node: Any) -> bool:
    if _is_repeated(node):
        return True
    return isinstance(node, dict | list) and any(map(_repeats, node.values() if isinstance(node, dict) else node))
