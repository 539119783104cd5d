"""Random answers, and how encoders compare them."""

from __future__ import annotations

import torch

from fpframe.interfaces.encoder import Encoder

VIEWS, QUERIES, CLASSES = 4, 6, 5


def some_answers(views: int = 3, queries: int = 12, classes: int = CLASSES, seed: int = 0) -> torch.Tensor:
    source = torch.Generator().manual_seed(seed)
    return (3 * torch.randn(views, queries, classes, generator=source)).softmax(-1)


def embedding(encoder: Encoder, answers: torch.Tensor) -> torch.Tensor:
    return encoder.module(*answers.shape[1:]).eval()(answers)


def cosines(encoder: Encoder, one: torch.Tensor, other: torch.Tensor) -> list[float]:
    return torch.nn.functional.cosine_similarity(embedding(encoder, one), embedding(encoder, other)).tolist()
