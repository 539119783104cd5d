"""What becomes of an image by its mode, which is Pillow's word for its channels and their type.

Not a plugin: `folder` uses it.
"""

from __future__ import annotations

from collections.abc import Mapping

import attrs


@attrs.frozen
class Mode:
    """What becomes of the images of one mode.

    Attributes:
        becomes: ``grey`` or ``colour`` for 8 bits in one or three channels, ``levels`` for grey of more than 8 bits,
            which is scaled; empty where they are refused.
        through: modes that it is converted to in turn.
        note: what the user is told, and nothing where no value changes.
        remedy: what to do where they are refused.
    """

    becomes: str = ""
    through: tuple[str, ...] = ()
    note: str = ""
    remedy: str = ""


_TO_RGB = "converted to RGB by Pillow, without a colour profile"

#: By mode; one that is not here is refused.
MODES: Mapping[str, Mode] = {
    "1": Mode("grey", ("L",)),
    "L": Mode("grey"),
    "LA": Mode("grey", ("L",)),
    "La": Mode(remedy="save it as LA, whose grey is not multiplied by alpha, or without alpha"),
    "P": Mode("colour", ("RGBA", "RGB")),
    "PA": Mode("colour", ("RGBA", "RGB")),
    "RGB": Mode("colour"),
    "RGBA": Mode("colour", ("RGB",)),
    "RGBa": Mode("colour", ("RGBA", "RGB")),
    "RGBX": Mode("colour", ("RGB",)),
    "CMYK": Mode("colour", ("RGB",), f"are CMYK, {_TO_RGB}"),
    "YCbCr": Mode("colour", ("RGB",), f"are YCbCr, {_TO_RGB}"),
    "HSV": Mode("colour", ("RGB",), f"are HSV, {_TO_RGB}"),
    "LAB": Mode("colour", ("RGB",), "are LAB, converted to sRGB by Pillow"),
    "I;16": Mode("levels"),
    "I;16L": Mode("levels"),
    "I;16B": Mode("levels"),
    "I;16N": Mode("levels"),
    "I": Mode("levels"),
    "F": Mode("levels"),
}
