"""The schemes that ship with fpframe: fingerprint methods as data."""

from __future__ import annotations

import fpframe
from fpframe import ComponentSpec, Part, Scheme

_NEIGHBOURS = ComponentSpec("kmeans-neighbours")


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
            name="random-sign",
            summary="control: random signs of the same size in place of the universal perturbation",
            parts=(Part(augmenter=_NEIGHBOURS, perturbation=ComponentSpec("random-sign")),),
            encoder=ComponentSpec("contrastive"),
        ),
    ]
