"""Score models by what they answer to perturbed images, with points and encoders of models of other families."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import torch
from torch import Tensor

from fpframe.enrolment.encoders import fit_encoder
from fpframe.enrolment.scoring import score_views
from fpframe.interfaces import Encoder
from fpframe.models import Classifier, through_channel, to_pixels
from fpframe.registry import Registry
from fpframe.rng import generator
from fpframe.zoo import Zoo, ZooModel
from fpframe_plugins.augmenters.discriminative import allegiance, most_telling

#: Queries to a suspect.
POINTS = 100
#: What the models reveal, and which encoder reads it.
READERS = {"probs": "residual", "top1": "labels"}


@attrs.frozen(kw_only=True, eq=False)
class Answered:
    """What everybody answers to the candidates.

    Attributes:
        victim: the victim's probabilities ``(P, K)``.
        models: the models, each with its own.
    """

    victim: Tensor
    models: Sequence[tuple[ZooModel, Tensor]]


def ask_all(zoo: Zoo, victim: Classifier, images: Tensor) -> Answered:
    """Send 8-bit images ``(P, C, H, W)`` to the victim and to every model of a zoo."""
    pixels = to_pixels(images)
    models = [(model, zoo.query(model)(pixels)) for model in zoo.models]
    return Answered(victim=victim.logits(pixels).softmax(1), models=models)


def chosen_points(answered: Answered, learning: Sequence[ZooModel], how: str, *, seed: int) -> Tensor:
    """Return the indices of the points: ``random``, or ``chosen`` as `discriminative` does among these very images."""
    if how == "random":
        return torch.randperm(len(answered.victim), generator=generator(seed, "points"))[:POINTS]
    labels, known = answered.victim.argmax(1), set(learning)
    sides = {
        relation: torch.stack(
            [
                allegiance(answer[None], labels)[0]
                for model, answer in answered.models
                if model in known and model.relation == relation
            ]
        )
        for relation in ("derived", "independent")
    }
    return most_telling(sides["derived"], sides["independent"], count=POINTS, ridge=1.0)


def scored(
    answered: Answered,
    learning: Sequence[ZooModel],
    judged: Sequence[ZooModel],
    registry: Registry,
    how: str,
    *,
    seed: int,
) -> dict[str, dict[ZooModel, float]]:
    """Return, by channel, the score of each judged model, by points and an encoder that the learning ones made."""
    points = chosen_points(answered, learning, how, seed=seed)
    known, wanted = set(learning), set(judged)
    victim = answered.victim[points][None]
    fit = [
        (attrs.evolve(model, split="fit"), answer[points][None]) for model, answer in answered.models if model in known
    ]
    rows = [(model, answer[points][None]) for model, answer in answered.models if model in wanted]
    found = {}
    for channel, name in READERS.items():
        seen = through_channel(victim, channel)
        shown = [(model, through_channel(answer, channel)) for model, answer in fit]
        network = fit_encoder(registry.build(Encoder, name), shown, seen, channel, seed=seed)
        answers = torch.stack([through_channel(answer, channel) for _, answer in rows])
        scores = score_views(network, answers, seen, channel)[:, 0]
        found[channel] = {model: float(score) for (model, _), score in zip(rows, scores, strict=True)}
    return found
