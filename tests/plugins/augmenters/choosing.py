"""A victim whose answers are its pixels, references, and what an augmenter chooses for them."""

from __future__ import annotations

import torch
from torch import Tensor, nn

import fpframe
from fpframe.interfaces.augmenter import Augmenter

SHAPE, CLASSES = (1, 2, 2), 4


def victim(scale: float = 3.0) -> fpframe.Classifier:
    """A victim whose logits are its four pixels, times `scale`."""
    # its random weights would move the global random state
    layer = nn.utils.skip_init(nn.Linear, 4, CLASSES, bias=False)
    layer.weight.data = scale * torch.eye(4)
    return fpframe.Classifier(nn.Sequential(nn.Flatten(), layer), num_classes=CLASSES, image_shape=SHAPE)


def references() -> fpframe.References:
    """Three models much like the victim, and three that are not."""

    def model(seed: int, share: float) -> fpframe.Classifier:
        other = victim()
        noise = torch.randn(4, 4, generator=torch.Generator().manual_seed(seed))
        other.module[1].weight.data = 3 * torch.eye(4) + share * noise
        return other

    return fpframe.References(
        derived=tuple(model(seed, 0.3) for seed in range(3)),
        independent=tuple(model(seed, 2.0) for seed in range(3, 6)),
    )


def images(count: int, seed: int = 0) -> Tensor:
    return torch.rand(count, *SHAPE, generator=torch.Generator().manual_seed(seed))


def labels_with_errors(pool: Tensor, errors: int) -> tuple[Tensor, set[int]]:
    """Return labels under which the victim is wrong on so many images, and which these are."""
    labels = pool.flatten(1).argmax(1)
    wrong = torch.randperm(len(pool), generator=torch.Generator().manual_seed(1))[:errors]
    labels[wrong] = (labels[wrong] + 1) % CLASSES
    return labels, set(wrong.tolist())


def margin_by_hand(pool: Tensor, scale: float = 3.0) -> list[float]:
    ordered = [sorted(torch.softmax(scale * pixels, 0).tolist()) for pixels in pool.flatten(1).double()]
    return [row[-1] - row[-2] for row in ordered]


def choose(
    augmenter: Augmenter,
    pool: Tensor,
    *,
    points: int,
    views: int = 1,
    errors: int = 0,
    seed: int = 0,
    labels: Tensor | None = None,
    model: fpframe.Classifier | None = None,
) -> Tensor:
    """Choose for a victim that is wrong on so many images, or under the labels that are given."""
    labels = labels_with_errors(pool, errors)[0] if labels is None else labels
    return augmenter(model or victim(), pool, labels, points=points, views=views, references=references(), seed=seed)
