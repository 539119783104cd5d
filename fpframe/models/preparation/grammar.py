"""How a preparation is written: ``resize=224,bicubic,antialias; crop=0.875; rgb; mean=0.5; std=0.5``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from fpframe.errors import UsageError, nearest

#: What may be written, in the order in which it is done; it is part of every refusal.
GRAMMAR = (
    "rgb|bgr|grey; resize=EDGE|HEIGHTxWIDTH[,bilinear|bicubic|nearest][,antialias]; crop=SHARE|EDGE|HEIGHTxWIDTH; "
    "scale=NUMBER; mean=NUMBER,...; std=NUMBER,...; layout=nchw|nhwc"
)

CHANNELS = ("rgb", "bgr", "grey")
LAYOUTS = ("nchw", "nhwc")
INTERPOLATIONS = ("bilinear", "bicubic", "nearest")
_NAMES = ("resize", "crop", "scale", "mean", "std", "layout")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_EDGES = re.compile(r"(\d{1,9})(?:x(\d{1,9}))?")


def parse(text: str) -> dict[str, Any]:
    """Return what a text says, by name; ``resize`` as its size, interpolation and ``antialias``.

    Raises:
        UsageError: it is not of the grammar, or says something twice.
    """
    said: dict[str, Any] = {}
    for item in text.split(";") if text.strip() else []:
        name, equals, value = (part.strip() for part in item.partition("="))
        if not equals and name in CHANNELS:
            name, value = "channels", name
        elif name not in _NAMES:
            raise refused(f"unknown word '{item.strip()}'{_close(name, *_NAMES, *CHANNELS)}", text)
        if name in said:
            raise refused(f"'{name}' is said twice", text)
        said[name] = value if name == "channels" else _VALUES[name](name, value, text)
    return said


def _number(name: str, value: str, text: str) -> float:
    if not _NUMBER.fullmatch(value):
        raise refused(f"'{name}' takes a number (got '{value}')", text)
    return float(value)


def _numbers(name: str, value: str, text: str) -> tuple[float, ...]:
    return tuple(_number(name, part.strip(), text) for part in value.split(","))


def _layout(name: str, value: str, text: str) -> str:
    if value not in LAYOUTS:
        raise refused(f"'layout' is {' or '.join(LAYOUTS)} (got '{value}')", text)
    return value


def _edges(name: str, value: str, text: str) -> tuple[int, ...]:
    found = _EDGES.fullmatch(value)
    if found is None:
        raise refused(f"'{name}' takes a size in pixels, such as 224 or 224x224 (got '{value}')", text)
    return tuple(int(edge) for edge in found.groups() if edge is not None)


def _crop(name: str, value: str, text: str) -> float | tuple[int, ...]:
    # whatever is not a whole number above 1 is a share of the image
    if _EDGES.fullmatch(value) and value != "1":
        return _edges(name, value, text)
    return _number(name, value, text)


def _resize(name: str, value: str, text: str) -> tuple[tuple[int, ...], str, bool]:
    size, *words = (part.strip() for part in value.split(","))
    for word in words:
        if word not in (*INTERPOLATIONS, "antialias"):
            raise refused(f"unknown word '{word}' after 'resize'{_close(word, *INTERPOLATIONS, 'antialias')}", text)
    ways = [word for word in words if word != "antialias"]
    if len(ways) > 1 or words.count("antialias") > 1:
        raise refused(f"'resize' takes one interpolation, and antialias once (got '{', '.join(words)}')", text)
    return _edges(name, size, text), ways[0] if ways else "bilinear", "antialias" in words


_VALUES = {
    "resize": _resize,
    "crop": _crop,
    "scale": _number,
    "mean": _numbers,
    "std": _numbers,
    "layout": _layout,
}


def write(said: Mapping[str, Any]) -> str:
    """Return the text that `parse` reads as this, in the order in which things are done."""
    parts = [said["channels"]] if "channels" in said else []
    if "resize" in said:
        size, interpolation, antialias = said["resize"]
        parts.append(",".join(["resize=" + _written_edges(size), interpolation, *(["antialias"] if antialias else [])]))
    if "crop" in said:
        crop = said["crop"]
        parts.append("crop=" + (_written_edges(crop) if isinstance(crop, tuple) else _written(crop)))
    parts += [f"scale={_written(said['scale'])}"] if "scale" in said else []
    parts += [f"{name}={','.join(map(_written, said[name]))}" for name in ("mean", "std") if name in said]
    parts += [f"layout={said['layout']}"] if "layout" in said else []
    return "; ".join(parts)


def _written(value: float) -> str:
    return repr(float(value)).removesuffix(".0")


def _written_edges(edges: tuple[int, ...]) -> str:
    return "x".join(map(str, edges))


def _close(word: str, *words: str) -> str:
    """Return ``; did you mean 'x'?``; the grammar, which every refusal ends with, lists the rest."""
    hint = nearest(word.lower(), words)
    return hint if "did you mean" in hint else ""


def refused(what: object, text: str) -> UsageError:
    """Return the error that a text cannot be read, with what may be written."""
    return UsageError(f"{what} (preparation '{text}'); write {GRAMMAR}")
