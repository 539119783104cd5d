"""Thieves who only see answers, and what watches them."""

from __future__ import annotations

import copy

import attrs
import torch

from fpframe import AttackContext, Images, Query, Training, train

ATTACKS = {
    "extract": {},
    "extract-noise": {},
    "extract-adversarial": {},
    "extract-jacobian": {},
    "knockoff": {},
    "knockoff-adaptive": {"policy": "adaptive"},
}
TRAINING = Training(epochs=8, batch_size=32)
CONTEXT = AttackContext(training=TRAINING)
BRIEFLY = AttackContext(training=attrs.evolve(TRAINING, epochs=1))


class Watched(Query):
    """A teacher that remembers what it was asked, call by call."""

    def __init__(self, model, *, outputs="logits"):
        self.asked = []
        answer = model.logits if outputs == "logits" else lambda pixels: model.logits(pixels).argmax(1)
        super().__init__(answer, num_classes=10, outputs=outputs, batch_size=512)

    def __call__(self, pixels):
        answers = super().__call__(pixels)
        self.asked.append(pixels.clone())
        return answers


class Trainings:
    """Stands in for `fpframe.train`, and remembers the calls."""

    def __init__(self, *, really):
        self.really, self.calls, self.students = really, [], []

    def __call__(self, model, pixels, targets, training, **options):
        seen = pixels[:]  # a tensor, also of pixels that are made when they are read
        assert not seen.requires_grad
        self.calls.append((seen, targets, training, options))
        fitted = train(model, pixels, targets, training, **options) if self.really else model.eval()
        self.students.append(copy.deepcopy(fitted))
        return fitted


def without_labels(images):
    """Return the images with labels that would teach a student to say zero."""
    return Images(images.images, torch.zeros_like(images.labels))


def agreement(one, other, pixels):
    return float((one.logits(pixels).argmax(1) == other.logits(pixels).argmax(1)).float().mean())
