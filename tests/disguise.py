"""Copies of a network that compute the same and hold other numbers: channels in another order, or at other scales."""

from __future__ import annotations

import copy

import numpy as np
import torch

import fpframe
from fpframe.corroboration.plan import Plan, Side
from fpframe.corroboration.tracing import plan_of
from fpframe.corroboration.values import NORM_PARTS, along


def disguised(network: fpframe.Classifier, seed: int, *, order: bool = True, scale: bool = True) -> fpframe.Classifier:
    """Return a copy whose channels stand in another order and at other scales, as the plan of the network allows."""
    plan, draw = plan_of(network), np.random.default_rng(seed)
    roots = sorted(set(plan.order_of.values()))
    orders = plan.spread({root: draw.permutation(plan.sizes[root]) for root in roots} if order else {})
    units = sorted(set(plan.scale_of.values()))
    scales = {root: draw.normal(size=plan.sizes[root]) for root in units} if scale else {}
    twin = copy.deepcopy(network)
    tensors = twin.module.state_dict()
    with torch.no_grad():
        for layer in plan.layers:
            for side in layer.sides:
                if side.sign == 1 and layer.norm:  # what a normalisation is given has any scale that it likes
                    _change(tensors, [f"{layer.norm}.{part}" for part in NORM_PARTS[:2]], side, plan, scales)
                else:
                    _change(tensors, [layer.weight, *([layer.bias] if side.sign == 1 else [])], side, plan, scales)
            for dim, side in {side.dim: side for side in layer.sides}.items():
                moved = torch.from_numpy(side.axis.order(orders))
                behind = [layer.bias, *(f"{layer.norm}.{part}" for part in NORM_PARTS)] if dim == 0 else []
                for name in [layer.weight, *behind]:
                    if name in tensors:
                        tensors[name].copy_(tensors[name].index_select(dim, moved))
    return twin


def _change(
    tensors: dict[str, torch.Tensor], names: list[str], side: Side, plan: Plan, scales: dict[int, np.ndarray]
) -> None:
    factors = torch.from_numpy(np.exp(side.sign * along(plan, side.axis.spaces, side.axis.units, scales))).float()
    for name in names:
        if name in tensors:
            tensors[name].mul_(factors.reshape([-1 if dim == side.dim else 1 for dim in range(tensors[name].ndim)]))
