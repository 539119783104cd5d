"""The schemes that ship with fpframe: fingerprint methods as data."""

from __future__ import annotations

import fpframe
from fpframe import ComponentSpec, Part, Scheme

_NEIGHBOURS = ComponentSpec("kmeans-neighbours")
_ERRORS = Part(augmenter=ComponentSpec("misclassified"), perturbation=ComponentSpec("none"), pair=False)


@fpframe.hookimpl
def fpframe_schemes() -> list[Scheme]:
    """Offer the schemes."""
    return [
        Scheme(
            name="uap-contrastive",
            summary="universal perturbation and contrastive encoder (Peng et al., CVPR 2022)",
            parts=(Part(augmenter=_NEIGHBOURS, perturbation=ComponentSpec("uap")),),
            encoder=ComponentSpec("contrastive"),
        ),
        Scheme(
            name="uap-autoencoder",
            summary="the same queries, encoder fitted without knowing who is derived (the paper's ablation)",
            parts=(Part(augmenter=_NEIGHBOURS, perturbation=ComponentSpec("uap")),),
            encoder=ComponentSpec("autoencoder"),
        ),
        Scheme(
            name="lap-contrastive",
            summary="local perturbations in place of the universal one, same encoder (the paper's contrast)",
            # with the paper's overshoot of 0.02 hardly a point fools the victim once it is an 8-bit image
            parts=(Part(augmenter=_NEIGHBOURS, perturbation=ComponentSpec("deepfool", {"overshoot": 1.0})),),
            encoder=ComponentSpec("contrastive"),
        ),
        Scheme(
            name="random-sign",
            summary="control: random signs of the same size in place of the universal perturbation",
            parts=(Part(augmenter=_NEIGHBOURS, perturbation=ComponentSpec("random-sign")),),
            encoder=ComponentSpec("contrastive"),
        ),
        Scheme(
            name="akh",
            summary="baseline: the victim's labels on images that it gets wrong (AKH of Godinot et al., AAAI 2025)",
            parts=(_ERRORS,),
            encoder=ComponentSpec("labels"),
        ),
        Scheme(
            name="sac",
            summary="which images that the victim gets wrong are answered alike (SAC-w of Guan et al., NeurIPS 2022)",
            parts=(_ERRORS,),
            encoder=ComponentSpec("correlation"),
        ),
    ]
