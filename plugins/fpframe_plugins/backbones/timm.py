"""`timm`: the image classifiers of the timm library, adapted to channels, classes and small images."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any, ClassVar

import attrs
from torch import nn

import fpframe
from fpframe.base import split_form
from fpframe.errors import nearest
from fpframe.rng import isolated
from fpframe_plugins.backbones._adapting import SMALL_SIDE, cannot_be_built, refusal, relax_stem
from fpframe_plugins.backbones._forms import read_form, read_size, unchanged, write_form, write_size

#: Patches along the shorter side of a small image that a transformer should get at least.
_MIN_PATCHES = 6
#: What may be changed, with its values; none for a size in pixels.
_FORMS: dict[str, tuple[str, ...]] = {"stem": ("small",), "img_size": (), "patch_size": ()}


@attrs.frozen(kw_only=True)
class Timm(fpframe.BackboneSource):
    """Build ``timm:NAME`` for any image shape that the architecture can be brought to take.

    Convolutional networks keep the resolution of images below 64 pixels in their stem; networks of a fixed
    input size are made for the size of the images, with smaller patches where they have any. Names may
    carry a weight tag, as in ``resnet18.a1_in1k``.

    What is adapted has a name of its own: ``resnet18(stem=small)``, ``vit_tiny_patch16_224(img_size=64)``, or with
    ``patch_size``. ``resnet18(unchanged)`` is the network as timm builds it, whatever the images are.

    Source: Wightman, PyTorch Image Models, doi:10.5281/zenodo.4414861.
    """

    name: ClassVar[str] = "timm"

    def names(self, pattern: str = "*") -> list[str]:
        """Return the architectures that match a shell pattern, sorted."""
        # timm takes seconds to import: only for those who ask for it
        import timm

        return sorted(name for name in timm.list_models() if fnmatchcase(name, pattern))

    def examples(self) -> tuple[str, ...]:
        """Return a residual network and a transformer, which timm keeps small for tests of its own."""
        return ("test_resnet", "test_vit")

    def unchanged(self, name: str) -> str:
        """Return the name of an architecture as timm builds it."""
        return unchanged(name)

    def build(
        self,
        name: str,
        *,
        num_classes: int,
        image_shape: tuple[int, int, int],
        pretrained: bool = False,
        seed: int,
    ) -> fpframe.Classifier:
        """Return a network with fresh weights, or with timm's own if `pretrained`, which it may download.

        Raises:
            UsageError: there is no such architecture or weight tag; the message lists close names.
            ModelError: the architecture cannot be adapted to images of this shape.
        """
        import timm

        address = f"{self.name}:{name}"
        form = read_form(address, _FORMS)
        plain, _ = split_form(name)
        _known(plain)
        config = timm.get_pretrained_cfg(plain)
        reason = ""
        attempts = _attempts(config, image_shape) if form is None else iter([form])
        for changes in attempts:
            with isolated(seed):
                try:
                    module = timm.create_model(
                        plain,
                        pretrained=pretrained,
                        num_classes=num_classes,
                        in_chans=image_shape[0],
                        **_options(changes),
                    )
                    if "stem" in changes and not relax_stem(module, _first_convolutions(config)):
                        if form is not None:
                            raise fpframe.ModelError("its stem keeps the resolution already")
                        changes = {}
                    model = _classifier(module, config, num_classes, image_shape, address).checked()
                    model.form = write_form(changes) if changes or form is not None else ""
                    return model
                except OSError as error:
                    raise fpframe.ModelError(
                        f"the weights of '{address}' cannot be obtained: {refusal(error)}; check the connection"
                    ) from error
                except Exception as error:  # whatever a model says to a size that it was not made for
                    reason = refusal(error)
        raise cannot_be_built(self, name, num_classes, image_shape, reason)


def _attempts(config: Any, image_shape: tuple[int, int, int]) -> Iterator[dict[str, str]]:
    """Yield what to change, what suits the images best first."""
    _, height, width = image_shape
    small = min(height, width) < SMALL_SIDE
    stem = {"stem": "small"} if small else {}
    if not config.fixed_input_size:
        yield stem
        yield {}
        return
    size = {"img_size": write_size(height, width)}
    if not small:
        # for the size that it was made for, nothing has to change
        yield {} if tuple(config.input_size[1:]) == (height, width) else size
    largest = max(2, min(height, width) // _MIN_PATCHES)
    for patch in range(largest, 0, -1):
        if math.gcd(height, width) % patch == 0:
            yield {**size, "patch_size": str(patch)}
    if small:
        yield size
    yield stem


def _options(changes: Mapping[str, str]) -> dict[str, Any]:
    """Return what timm is told of changes; it takes one number for a square size."""
    sizes = {key: read_size(value) for key, value in changes.items() if key != "stem"}
    return {key: height if height == width else (height, width) for key, (height, width) in sizes.items()}


def _classifier(
    module: nn.Module, config: Any, num_classes: int, image_shape: tuple[int, int, int], address: str
) -> fpframe.Classifier:
    # timm's figures are those of RGB photographs
    mean, std = (config.mean, config.std) if image_shape[0] == 3 else ((0.5,), (0.5,))
    return fpframe.Classifier(
        module, num_classes=num_classes, image_shape=image_shape, mean=mean, std=std, address=address
    )


def _first_convolutions(config: Any) -> tuple[str, ...]:
    first = config.first_conv or ()
    return (first,) if isinstance(first, str) else tuple(first)


def _known(name: str) -> None:
    """Refuse a name that timm does not know, before timm does so in many lines."""
    import timm

    architecture, _, tag = name.partition(".")
    architectures = timm.list_models()
    if architecture not in architectures:
        close = difflib.get_close_matches(architecture, architectures, n=3)
        hint = f"did you mean {', '.join(close)}?" if close else "see timm.list_models()"
        raise fpframe.UsageError(f"timm has no architecture '{architecture}' (timm:{name}); {hint}")
    tags = [full.partition(".")[2] for full in timm.list_pretrained(f"{architecture}.*")]
    if tag and tag not in tags:
        raise fpframe.UsageError(f"timm has no weights '{tag}' of '{architecture}' (timm:{name}){nearest(tag, tags)}")


@fpframe.hookimpl
def fpframe_components() -> list[type[fpframe.Component]]:
    """Offer the backbones."""
    return [Timm]
