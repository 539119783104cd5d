"""`Enrolment`: the record, and how it scores answers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import torch.nn.functional as F
from torch import Tensor, nn

from fpframe.channel import through_channel
from fpframe.decision import StratumScores
from fpframe.errors import UsageError
from fpframe.interfaces import ComponentSpec
from fpframe.queryset import QuerySet
from fpframe.recipe import Recipe
from fpframe.registry import Registry


@attrs.frozen(kw_only=True, eq=False)
class Enrolment:
    """Everything that is needed to question a suspect.

    Attributes:
        recipe: the full recipe of the run.
        scheme: name of the scheme.
        encoder: name and parameters of the encoder.
        encoder_revision: its revision, since calibration scores hold for that one only.
        queries: the images that a suspect is asked.
        deltas: universal perturbations in pixel units, ``(1, C, H, W)`` each.
        encoders: the fitted network of each channel.
        victim_answers: the victim's probabilities ``(V, Q, K)``.
        calibration: scores of independent models, by channel and stratum.
        victim: address, digest, accuracy and the like.
        classes: class names.
        caveats: what was assumed, in sentences for the reader of a verdict.
        profile: the machine that it was made on.
    """

    recipe: Recipe
    scheme: str
    encoder: ComponentSpec
    encoder_revision: int
    queries: QuerySet
    deltas: tuple[Tensor, ...]
    encoders: Mapping[str, nn.Module]
    victim_answers: Tensor
    calibration: Mapping[str, Mapping[str, StratumScores]]
    victim: Mapping[str, Any]
    classes: tuple[str, ...]
    caveats: tuple[str, ...]
    profile: Mapping[str, Any]

    @classmethod
    def open(cls, path: str | Path, *, registry: Registry | None = None) -> Enrolment:
        """Read an enrolment folder; every digest is checked and nothing in it is executed.

        Raises:
            IntegrityError: a member is missing, was changed, or is none of the manifest's.
            UsageError: there is no such folder, or it is not an enrolment.
        """
        from fpframe.enrolment.folder import read_enrolment

        return read_enrolment(Path(path), registry=registry)

    def save(self, path: str | Path, *, force: bool = False) -> None:
        """Write the enrolment folder: whole or not at all.

        Raises:
            UsageError: the folder exists and `force` is not set.
        """
        from fpframe.enrolment.folder import write_enrolment

        write_enrolment(self, Path(path), force=force)

    def require_channel(self, channel: str) -> None:
        """Refuse a channel for which nothing was calibrated.

        Raises:
            UsageError: names the channels that there are.
        """
        if channel not in self.encoders:
            raise UsageError(
                f"the suspect answers through channel '{channel}', for which this enrolment has no calibration (it has "
                f"{', '.join(self.encoders)}); enrol with a recipe whose 'channels' lists it"
            )

    def embed(self, answers: Tensor, channel: str) -> Tensor:
        """Return embeddings ``(V, E)`` of answers ``(V, Q, K)`` in a channel."""
        embeddings: Tensor = self.encoders[channel](through_channel(answers, channel))
        return embeddings

    def view_scores(self, answers: Tensor, channel: str) -> Tensor:
        """Return the cosine ``(V,)`` between a model's and the victim's embedding, view by view."""
        return cosine_scores(self.encoders[channel], answers, self.victim_answers, channel)


def cosine_scores(encoder: nn.Module, answers: Tensor, victim_answers: Tensor, channel: str) -> Tensor:
    """Return the cosine ``(V,)`` between the embeddings of two models, view by view."""
    ours = encoder(through_channel(victim_answers, channel))
    theirs = encoder(through_channel(answers, channel))
    return F.cosine_similarity(ours, theirs, dim=1)
