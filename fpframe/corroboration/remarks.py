"""`Remark`: what the reader of a corroboration should know of it, with a code for programs."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

#: By code, what each remark says.
REMARKS: Mapping[str, str] = {
    "base-shared": "Independent models hold their channels in the victim's own order, as models from one base do.",
    "independents-alike": "Independent models are as like the victim as copies are.",
    "independents-left-out": "Models of another architecture were left out of the independent ones.",
    "layers-assigned": "Layers bear other names in the suspect's file, and were told by their shape or content.",
    "layers-missing": "The suspect's file lacks layers of the victim, or has them in another shape.",
    "layers-unchanged": "The victim took layers over from the base as they were; they are left out.",
    "norms-left-out": "Batch normalisation could not be told in the suspect's file, and was left out of all models.",
    "order-fixed-in-part": "In some layers no other order of channels was tried, such as in those around attention.",
    "order-fixed": "How the network computes could not be followed, so that no other order of channels was tried.",
}


@attrs.frozen
class Remark:
    """One thing to know.

    Attributes:
        code: one of `REMARKS`.
        text: sentences for a person.
    """

    code: str = attrs.field(validator=attrs.validators.in_(REMARKS))
    text: str

    def to_dict(self) -> dict[str, str]:
        """Return it as JSON-able data."""
        return {"code": self.code, "text": self.text}
