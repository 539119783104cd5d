"""Attacks that hold the victim's weights, and what is looked at in the models that they leave."""

from __future__ import annotations

import torch
from torch import nn

import fpframe

SHAPE = (1, 8, 8)
CONTEXT = fpframe.AttackContext(training=fpframe.Training(batch_size=32))


def state(model):
    return {name: value.clone() for name, value in model.module.state_dict().items()}


def changed(before, after):
    """Return the names of the weights and buffers that differ."""
    return {name for name in before if not torch.equal(before[name], after[name])}


def untrained(*layers, seed=0):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        module = nn.Sequential(*(layer() for layer in layers))
    return fpframe.Classifier(module, num_classes=10, image_shape=SHAPE)


def silent(model, part, pixels):
    """Return the channels of a part that are zero for all images."""
    outputs = []
    hook = part.register_forward_hook(lambda _part, _inputs, output: outputs.append(output))
    model.logits(pixels)
    hook.remove()
    return (torch.cat(outputs) == 0).all(3).all(2).all(0).nonzero().flatten().tolist()


def colours(count):
    source = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (count, 3, 32, 32), dtype=torch.uint8, generator=source)
    return fpframe.Images(images, torch.arange(count) % 10)
