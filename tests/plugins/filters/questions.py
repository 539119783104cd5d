"""Images, a model whose answers show what is done to them, and what a filter lets it see."""

import torch
import torch.nn.functional as F

from fpframe import Query
from fpframe.rng import generator

K = 4


def images(count, channels=1, side=12):
    return torch.rand(count, channels, side, side, generator=generator(count))


def logits(pixels):
    """Answer with the means of the four quarters of an image, so that what is done to it shows."""
    return F.adaptive_avg_pool2d(pixels.mean(1), 2).flatten(1) * 12 - 6


def open_query(ask=logits, **options):
    return Query(
        ask, **{"num_classes": K, "outputs": "logits", "address": "suspect.onnx", "digest": "ab" * 32, **options}
    )


class Seen:
    """A model that remembers the images it was asked."""

    def __init__(self):
        self.batches = []

    def __call__(self, pixels):
        self.batches.append(pixels.clone())
        return logits(pixels)

    @property
    def images(self):
        return torch.cat(self.batches)


def seen_through(component, pixels, seed=0):
    model = Seen()
    component.wrap(open_query(model), seed=seed)(pixels)
    return model.images
