"""What the settings of image processors of Hugging Face and of timm say, as the parts of a preparation."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from fpframe.errors import ModelError
from fpframe.models.preparation.perchannel import per_channel
from fpframe.models.preparation.resize import Resize

#: What PIL numbers its filters by, as far as torch has them.
_OF_PIL = {0: "nearest", 2: "bilinear", 3: "bicubic"}
#: Steps of image processors that are known here; one that is not known, and asked for, is refused.
_KNOWN_STEPS = {
    "do_center_crop",
    "do_convert_rgb",
    "do_flip_channel_order",
    "do_grayscale",
    "do_normalize",
    "do_reduce_labels",  # labels of segmentation; nothing happens to images
    "do_rescale",
    "do_resize",
}
#: Edge from which on ConvNeXt's processor warps images, in place of cutting their centre out.
_WARPED_FROM = 384


def of_image_processor(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parts of a ``preprocessor_config.json``.

    Raises:
        ModelError: it is not one, or asks for something that cannot be done here.
    """
    if isinstance(config.get("pretrained_cfg"), Mapping):
        return of_timm(config["pretrained_cfg"])
    _refuse_unknown_steps(config)
    parts: dict[str, Any] = {}
    if config.get("do_grayscale"):
        parts["channels"] = "grey"
    elif config.get("do_flip_channel_order"):
        parts["channels"] = "bgr"
    elif config.get("do_convert_rgb"):
        parts["channels"] = "rgb"
    if config.get("do_resize", "size" in config):
        parts.update(_resized(config))
    if config.get("do_center_crop") and "crop" not in parts:
        parts["crop"] = _edges(config.get("crop_size", config.get("size")), "crop_size")
    parts.update(_values(config))
    if "last" in str(config.get("data_format", "")).lower():
        parts["layout"] = "nhwc"
    return parts


def of_timm(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parts of a ``pretrained_cfg`` of timm.

    Raises:
        ModelError: it is not one, or asks for something that cannot be done here.
    """
    size = config.get("input_size")
    if not isinstance(size, list | tuple) or len(size) != 3 or not all(type(edge) is int for edge in size):
        raise _refused("'input_size' is missing or has not three whole numbers")
    channels, height, width = size
    mode, share = config.get("crop_mode") or "center", config.get("crop_pct") or 1.0
    if mode not in ("center", "squash"):
        raise _refused(f"'crop_mode' {mode} adds borders")
    if mode == "center" and height != width:
        raise _refused(f"'input_size' {height} x {width} is cut out of images of another shape")
    if not isinstance(share, int | float) or not 0 < share <= 1:
        raise _refused(f"'crop_pct' is {share}")
    edges = (height, width) if mode == "squash" else (height,)
    return {
        **({"channels": {1: "grey", 3: "rgb"}[channels]} if channels in (1, 3) else {}),
        "resize": _resize(edges, config.get("interpolation") or "bilinear"),
        "crop": float(share),
        **{name: _numbers(config[name], name) for name in ("mean", "std") if config.get(name) is not None},
    }


def _refuse_unknown_steps(config: Mapping[str, Any]) -> None:
    known = _KNOWN_STEPS | {"size", "image_mean", "image_std", "rescale_factor", "resample", "crop_size"}
    if not known & config.keys():
        raise _refused("nothing in it is about images")
    steps = sorted(name for name, value in config.items() if name.startswith("do_") and value is True)
    unknown = [name for name in steps if name not in _KNOWN_STEPS]
    if unknown:
        raise _refused(f"'{unknown[0]}' is a step that is not known here")


def _resized(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return resizing, and what some processors cut out with it."""
    kind = str(config.get("image_processor_type") or config.get("feature_extractor_type") or "")
    resample = config.get("resample", 2)
    way = _OF_PIL.get(resample) if type(resample) is int else str(resample)
    if way is None:
        raise _refused(f"'resample' {resample} is a filter that is not known here")
    edges = _edges(config.get("size"), "size", square=not config.get("do_center_crop"))
    if kind.startswith("LevitImageProcessor") or kind.startswith("LevitFeature"):
        edges = tuple(int(256 / 224 * edge) for edge in edges) if len(edges) == 1 else edges
    share = config.get("crop_pct")
    if kind.startswith("ConvNext"):
        edge = edges[0]
        if edge >= _WARPED_FROM:
            return {"resize": _resize((edge, edge), way)}
        return {"resize": _resize((edge,), way), "crop": float(share or 224 / 256)}
    if share is not None:
        if not kind.startswith("PoolFormer"):
            raise _refused("'crop_pct' means something else in each processor")
        if not isinstance(share, int | float) or not 0 < share <= 1:
            raise _refused(f"'crop_pct' is {share}")
        edges = tuple(math.floor(edge / share) for edge in edges)
    return {"resize": _resize(edges, way)}


def _values(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return by what pixels are scaled, subtracted and divided; processors start from 0 to 255."""
    factor = config.get("rescale_factor", 1 / 255) if config.get("do_rescale", True) else 1.0
    if not isinstance(factor, int | float) or isinstance(factor, bool) or not factor > 0:
        raise _refused(f"'rescale_factor' is {factor}")
    scale = 255 * factor
    values: dict[str, Any] = {} if math.isclose(scale, 1.0) else {"scale": scale}
    shift = 1.0 if config.get("rescale_offset") else 0.0
    mean, std = None, None
    if config.get("do_normalize", "image_mean" in config):
        mean, std = (_numbers(config.get(name), name) for name in ("image_mean", "image_std"))
    if shift:
        mean = tuple(value + shift for value in mean or (0.0,))
    if config.get("include_top") and std is not None:  # EfficientNet divides a second time
        std = tuple(value * value for value in std)
    return {**values, **({} if mean is None else {"mean": mean}), **({} if std is None else {"std": std})}


def _resize(edges: tuple[int, ...], way: str) -> Resize:
    if way not in ("bilinear", "bicubic", "nearest"):
        raise _refused(f"the interpolation '{way}' is not known here")
    return Resize(edges, way, antialias=way != "nearest")  # type: ignore[arg-type]  # it is one of the three


def _edges(size: Any, name: str, *, square: bool = True) -> tuple[int, ...]:
    """Return height and width, or the shorter edge alone; a bare number is both unless a centre is cut out after it."""
    if type(size) is int:
        return (size, size) if square else (size,)
    if isinstance(size, list | tuple) and len(size) == 2:
        size = dict(zip(("height", "width"), size, strict=True))
    if isinstance(size, Mapping):
        said = {key: value for key, value in size.items() if value is not None}
        for names in (("height", "width"), ("shortest_edge",)):
            if said.keys() == set(names) and all(type(said[key]) is int for key in names):
                return tuple(said[key] for key in names)
    raise _refused(f"'{name}' is {size!r}")


def _numbers(values: Any, name: str) -> tuple[float, ...]:
    numbers = None if isinstance(values, str) else per_channel(values)
    if not numbers:
        raise _refused(f"'{name}' is missing")
    return numbers


def _refused(what: str) -> ModelError:
    return ModelError(
        f"how images are prepared cannot be taken from these settings: {what}; say it with --input, or leave the file "
        "out"
    )
