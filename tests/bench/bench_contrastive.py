"""Fitting the encoder `contrastive`, against a loop with pytorch-metric-learning's loss."""

from __future__ import annotations

import torch
from libraries import SupConLoss
from measuring import Row, take_turns
from torch import Tensor, nn

from fpframe.rng import isolated
from fpframe_plugins.encoders._contrastive_losses import supervised_contrastive_loss
from fpframe_plugins.encoders.contrastive import Contrastive

#: fpframe may take 5 % longer.
LIMIT = 1.05
#: Models, views, queries and classes: the paper's queries for FashionMNIST, and a small zoo.
MODELS, VIEWS, QUERIES, CLASSES = 40, 10, 200, 10
#: How far the two losses may be apart in the end.
TOLERANCE = 1e-4


def rows(*, repeats: int) -> list[Row]:
    """Compare time and the loss that is reached, for one network, start, optimiser and number of steps."""
    encoder = Contrastive()
    answers = made_up_answers()
    relation = ["victim", *["derived"] * (MODELS // 2 - 1), *["independent"] * (MODELS // 2)]
    times = take_turns(
        {
            "fpframe": lambda: encoder.fit(answers, relation, torch.arange(MODELS), seed=0),
            "pytorch-metric-learning": lambda: plain_loop(encoder, answers, classes_of(relation)),
        },
        repeats=repeats,
    )
    samples, classes = answers.flatten(0, 1), classes_of(relation)
    losses = [
        float(supervised_contrastive_loss(module(samples), classes, temperature=encoder.temperature))
        for module in times.results.values()
    ]
    return [
        Row(
            what=f"`contrastive`, {len(samples)} fingerprints of {QUERIES} answers",
            than="pytorch-metric-learning",
            ours=times.seconds["fpframe"],
            theirs=times.seconds["pytorch-metric-learning"],
            limit=LIMIT,
            good=abs(losses[0] - losses[1]) <= TOLERANCE,
            quality=f"loss {losses[0]:.4f} / {losses[1]:.4f}",
        )
    ]


def made_up_answers() -> Tensor:
    """Return answers ``(M, V, Q, K)``, of which the first half of the models have something in common."""
    random = torch.Generator().manual_seed(0)
    shared = torch.randn(VIEWS, QUERIES, CLASSES, generator=random)
    logits = 2 * torch.randn(MODELS, VIEWS, QUERIES, CLASSES, generator=random)
    logits[: MODELS // 2] += 0.2 * shared
    return logits.softmax(-1)


def classes_of(relation: list[str]) -> Tensor:
    """Return the class of each view of each model ``(M * V,)``."""
    return torch.tensor([kind != "independent" for kind in relation]).long().repeat_interleave(VIEWS)


def plain_loop(encoder: Contrastive, answers: Tensor, classes: Tensor) -> nn.Module:
    """Fit the same network as its author would who takes the loss from pytorch-metric-learning."""
    samples = answers.flatten(0, 1)
    with isolated(0):
        module = encoder.module(*answers.shape[2:])
    module.features.fit(samples)
    # the features hold nothing that is learned: computed once, as in fpframe
    features = module.features(samples)
    loss_of = SupConLoss(temperature=encoder.temperature)
    optimizer = torch.optim.Adam(
        module.layers.parameters(), lr=encoder.learning_rate, weight_decay=encoder.weight_decay
    )
    for _ in range(encoder.steps):
        optimizer.zero_grad()
        loss_of(torch.nn.functional.normalize(module.layers(features), dim=1), classes).backward()
        optimizer.step()
    return module.eval()
