"""Algorithm 1 of "Universal adversarial perturbations" (Moosavi-Dezfooli et al., CVPR 2017), image by image.

Written as one writes it down from the two papers, DeepFool (CVPR 2016) included; something to compare with, no more.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


def plain_uap(
    model: nn.Module, x: Tensor, *, epsilon: float, target: float, passes: int, steps: int, overshoot: float
) -> Tensor:
    """Return delta ``(1, C, H, W)`` with elements of at most `epsilon`."""
    with torch.no_grad():
        predicted = model(x).argmax(1)
    delta = torch.zeros_like(x[:1])
    for _ in range(passes):
        for index in torch.randperm(len(x)).tolist():
            moved = (x[index : index + 1] + delta).clamp(0, 1)
            label = int(predicted[index])
            if int(model(moved).argmax(1)) == label:
                more = deepfool_one(model, moved, label, steps=steps, overshoot=overshoot)
                delta = (delta + more).clamp(-epsilon, epsilon)
        with torch.no_grad():
            fooled = model((x + delta).clamp(0, 1)).argmax(1) != predicted
        if float(fooled.float().mean()) >= target:
            break
    return delta


def deepfool_one(model: nn.Module, image: Tensor, label: int, *, steps: int, overshoot: float) -> Tensor:
    """Return the shortest delta found for one image ``(1, C, H, W)``."""
    total = torch.zeros_like(image)
    for _ in range(steps):
        here = (image + (1 + overshoot) * total).clamp(0, 1).requires_grad_()
        logits = model(here)[0]
        if int(logits.argmax()) != label:
            break
        gradients = [torch.autograd.grad(logit, here, retain_graph=True)[0] for logit in logits]
        best, way = float("inf"), total
        for rival in range(len(logits)):
            if rival == label:
                continue
            normal = gradients[rival] - gradients[label]
            distance = float((logits[rival] - logits[label]).abs() / normal.norm().clamp_min(1e-6)) + 1e-4
            if distance < best:
                best, way = distance, distance * normal / normal.norm().clamp_min(1e-6)
        total = total + way
    return (1 + overshoot) * total
