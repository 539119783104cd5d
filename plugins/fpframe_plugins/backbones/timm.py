"""`timm`: the image classifiers of the timm library, adapted to channels, classes and small images."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any, ClassVar

import attrs
from torch import nn

import fpframe
from fpframe.errors import nearest
from fpframe.rng import isolated
from fpframe_plugins.backbones._adapting import SMALL_SIDE, refusal, relax_stem

#: Patches along the shorter side of a small image that a transformer should get at least.
_MIN_PATCHES = 6


@attrs.frozen(kw_only=True)
class Timm(fpframe.BackboneSource):
    """Build ``timm:NAME`` for any image shape that the architecture can be brought to take.

    Convolutional networks keep the resolution of images below 64 pixels in their stem; networks of a fixed
    input size are made for the size of the images, with smaller patches where they have any. Names may
    carry a weight tag, as in ``resnet18.a1_in1k``.

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
        _known(name)
        config = timm.get_pretrained_cfg(name)
        reason = ""
        for options, relaxed in _attempts(config, image_shape):
            with isolated(seed):
                try:
                    module = timm.create_model(
                        name,
                        pretrained=pretrained,
                        num_classes=num_classes,
                        in_chans=image_shape[0],
                        **options,
                    )
                    if relaxed:
                        relax_stem(module, _first_convolutions(config))
                    return _classifier(module, config, num_classes, image_shape, address).checked()
                except OSError as error:
                    raise fpframe.ModelError(
                        f"the weights of '{address}' cannot be obtained: {refusal(error)}; check the connection"
                    ) from error
                except Exception as error:  # whatever a model says to a size that it was not made for
                    reason = refusal(error)
        raise fpframe.ModelError(
            f"'{address}' cannot be built for images of shape {image_shape} (channels, height, width): "
            f"{reason}; take another architecture, such as timm:resnet18"
        )


def _attempts(config: Any, image_shape: tuple[int, int, int]) -> Iterator[tuple[dict[str, Any], bool]]:
    """Yield options for timm and whether to relax the stem, what suits the images best first."""
    _, height, width = image_shape
    small = min(height, width) < SMALL_SIDE
    if not config.fixed_input_size:
        yield from ([({}, True)] if small else [])
        yield {}, False
        return
    size = height if height == width else (height, width)
    if not small:
        yield {"img_size": size}, False
    largest = max(2, min(height, width) // _MIN_PATCHES)
    for patch in range(largest, 0, -1):
        if math.gcd(height, width) % patch == 0:
            yield {"img_size": size, "patch_size": patch}, False
    if small:
        yield {"img_size": size}, False
    yield {}, small


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
