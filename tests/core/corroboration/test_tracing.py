"""Which channels of a network may stand in another order: found by running it, without a table of operations."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import fpframe
from disguise import disguised
from fpframe.corroboration.tracing import plan_of

SHAPE = (2, 8, 8)


def classifier(module: nn.Module, seed: int = 0) -> fpframe.Classifier:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        for part in module.modules():
            if hasattr(part, "reset_parameters"):
                part.reset_parameters()
            if isinstance(part, nn.BatchNorm2d):
                for tensor in (part.weight, part.bias, part.running_mean, part.running_var):
                    nn.init.uniform_(tensor, 0.5, 1.5)
    return fpframe.Classifier(module, num_classes=3, image_shape=SHAPE).eval()


class Branches(nn.Module):
    """A sum, a concatenation, a depthwise layer, and a normalisation that cannot be folded."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(2, 4, 3, padding=1)
        self.block = nn.Sequential(nn.Conv2d(4, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4))
        self.depth = nn.Conv2d(4, 4, 3, padding=1, groups=4)
        self.between = nn.BatchNorm2d(8)
        self.head = nn.Linear(8 * 4, 3)

    def forward(self, images):
        stem = torch.relu(self.stem(images))
        summed = torch.relu(stem + self.block(stem))
        both = torch.relu(self.between(torch.cat([summed, torch.relu(self.depth(summed))], 1)))
        return self.head(nn.functional.adaptive_avg_pool2d(both, 2).flatten(1))


@pytest.mark.parametrize("seed", [0, 2, 3])  # 1 happens to draw the order in which channels stand
def test_what_the_plan_allows_changes_no_answer_and_many_weights(seed):
    network = classifier(Branches(), seed)
    # one that cannot be folded is not compared, so nothing moves its channels; here it treats them all alike
    for tensor in network.module.between.state_dict().values():
        tensor.fill_(1)
    twin = disguised(network, seed, scale=False)
    images = torch.rand(5, *SHAPE)
    assert torch.allclose(network.logits(images), twin.logits(images), atol=1e-5)
    assert not torch.allclose(network.module.stem.weight, twin.module.stem.weight)
    assert not torch.allclose(network.module.head.weight, twin.module.head.weight)


def test_channels_that_are_added_to_each_other_share_their_order_and_the_others_do_not():
    plan = plan_of(classifier(Branches()))
    sides = {layer.name: {side.dim: side.axis.present() for side in layer.sides} for layer in plan.layers}
    first = [plan.order_of[sides[name][0][0]] for name in ("stem", "block.0", "depth")]
    assert len(set(first)) == 1
    assert {plan.order_of[space] for space in sides["head"][1]} == set(first)
    assert 0 not in sides["head"], "the order of classes is known"
    assert 1 not in sides["stem"], "the order of colours is known"


def test_a_network_whose_course_depends_on_the_image_is_left_in_its_order():
    class Choosing(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one = nn.Linear(2 * 64, 3)

        def forward(self, images):
            return self.one(images.flatten(1)) * (2 if images.sum() > 0 else 1)

    plan = plan_of(classifier(Choosing()))
    assert not plan.traced
    assert [(layer.name, layer.sides) for layer in plan.layers] == [("one", ())]


class Mixing(nn.Module):
    """Treats channels unlike each other in the middle, by numbers that are no layer's."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Conv2d(2, 4, 1), nn.Linear(4, 3)
        self.register_buffer("factors", torch.arange(1.0, 5).reshape(4, 1, 1))

    def forward(self, images):
        return self.two((torch.relu(self.one(images)) * self.factors).mean((2, 3)))


def test_channels_that_are_not_treated_alike_are_left_in_their_order():
    plan = plan_of(classifier(Mixing()))
    assert plan.traced
    assert all(not layer.sides for layer in plan.layers)
    assert plan.held == ("one",), "the order of classes is known, and is not held"


class Attending(nn.Module):
    """Attention over the pixels: what it adds up keeps its channels, and what it compares does not."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.keys, self.values = nn.Conv2d(2, 4, 1), nn.Linear(4, 8), nn.Linear(4, 4)
        self.hidden, self.head = nn.Linear(4, 6), nn.Linear(6, 3)

    def forward(self, images):
        tokens = self.stem(images).flatten(2).transpose(1, 2)
        queries, keys = self.keys(tokens).chunk(2, -1)
        mixed = (queries @ keys.transpose(1, 2)).softmax(-1) @ self.values(tokens)
        return self.head(torch.relu(self.hidden(mixed)).mean(1))


class Grouped(nn.Module):
    """A convolution in two groups."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.pair, self.head = nn.Conv2d(2, 4, 1), nn.Conv2d(4, 4, 1, groups=2), nn.Linear(4, 3)

    def forward(self, images):
        return self.head(torch.relu(self.pair(torch.relu(self.stem(images)))).mean((2, 3)))


@pytest.mark.parametrize(
    ("module", "held"),
    [(Branches, set()), (Attending, {"keys"}), (Grouped, {"stem", "pair"})],
    ids=["convolutions", "attention", "groups"],
)
def test_layers_whose_channels_cannot_be_followed_are_named(module, held):
    assert set(plan_of(classifier(module())).held) == held
