"""A border point is a border point; what is drawn from it holds for models whose answers are known."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

import fpframe
from fpframe.models.dataset import Images
from fpframe.paper.borderpoints.bisection import TOLERANCE, confidence_gap, find_borderpoints
from fpframe.paper.borderpoints.experiment import BORDER, run
from fpframe.paper.laboratory import Laboratory


def test_bisection_finds_the_known_boundary_of_a_linear_model() -> None:
    # class 1 beyond a mean brightness of one half: the boundary is where the mean is exactly that
    network = nn.Sequential(nn.Flatten(), nn.Linear(16, 2))
    with torch.no_grad():
        network[1].weight.copy_(torch.stack([torch.zeros(16), torch.full((16,), 1.0)]))
        network[1].bias.copy_(torch.tensor([0.0, -8.0]))
    model = fpframe.Classifier(network, num_classes=2, image_shape=(1, 4, 4))
    images = torch.randint(0, 256, (300, 1, 4, 4), generator=torch.Generator().manual_seed(0)).byte()
    points, gaps = find_borderpoints(model, Images(images, torch.zeros(300).long()), 100, seed=1)
    assert len(points) == 100
    assert float((points.flatten(1).mean(1) - 0.5).abs().max()) < 1e-7
    assert float(gaps.max()) < TOLERANCE
    assert all(weight.dtype == torch.float32 for weight in model.parameters())


def test_border_points_of_the_victim(laboratory: Laboratory) -> None:
    pool = laboratory.setting.workspace.parts.pool
    points, _ = find_borderpoints(laboratory.victim, pool, 200, seed=0)
    assert points.dtype == torch.float64
    assert len(points) > 190
    # checked anew, by a copy in the precision that was used
    doubled = copy.deepcopy(laboratory.victim).double()
    with torch.no_grad():
        assert float(confidence_gap(doubled(points).softmax(1)).max()) < TOLERANCE
    # between two images: a mixture of pixels that lie in [0, 1]
    assert float(points.min()) >= 0
    assert float(points.max()) <= 1
    again, _ = find_borderpoints(laboratory.victim, pool, 200, seed=0)
    assert torch.equal(points, again)


def test_confidence_gap() -> None:
    assert confidence_gap(torch.tensor([[0.2, 0.5, 0.3], [1.0, 0.0, 0.0]])).tolist() == pytest.approx([0.2, 1.0])


@pytest.mark.slow
def test_findings(laboratory: Laboratory) -> None:
    finding = run(laboratory)
    medians = finding.data["median_gap"]
    assert finding.data["largest_gap_of_the_victim"] < TOLERANCE
    # what a rounded image loses, and what a thief's model is away, are other orders of magnitude
    assert TOLERANCE < finding.data["median_gap_of_the_victim_at_8_bits"] < 0.05 < medians["independent"]
    # a copy of the file knows the boundary better than somebody else's model
    assert medians["modified copies"] < medians["independent"]
    assert 0 <= finding.data["separation"][BORDER]["auc"] <= 1
    rows = finding.tables["models"].rows
    assert len(rows) == len(laboratory.thefts()) + len(laboratory.innocents())
    assert len(rows[0]) == len(finding.tables["models"].header)
    assert finding.pictures["gaps"].count("independent (n = ") == 1
    assert finding.claims[0].outcome == "agrees"
