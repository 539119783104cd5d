"""Answers to embed."""

from __future__ import annotations

import pytest
import torch

from plugins.encoders.answers import CLASSES, QUERIES, VIEWS


@pytest.fixture(scope="session")
def fingerprints():
    """Answers (M, V, Q, K): a victim, six models near it, six models near something else."""
    source = torch.Generator().manual_seed(0)
    ours, theirs = torch.randn(2, VIEWS, QUERIES, CLASSES, generator=source)
    centres = torch.stack([ours] * 7 + [theirs] * 6)
    noise = 0.5 * torch.randn(centres.shape, generator=source)
    relation = ["victim"] + ["derived"] * 6 + ["independent"] * 6
    return (centres + noise).softmax(-1), relation, torch.arange(13)
