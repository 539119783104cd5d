"""Everyday files of weights open with the answers of the network that they stand for."""

from __future__ import annotations

import pytest
import torch

from core.opening.everyday import EVERYDAY, SHAPE, classifier
from fpframe import load_weights
from fpframe.opening.checkpoints import pickled


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """Read pickles in this process: one of its own costs seconds."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(pickled, "_here", True)


@pytest.fixture(scope="module")
def images():
    return torch.rand(6, *SHAPE, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("kind", EVERYDAY)
def test_an_everyday_file_opens_with_the_answers_of_its_network_and_says_what_was_done(kind, tmp_path, images):
    name, write, codes = EVERYDAY[kind]
    stands_for = write(tmp_path / name).eval()
    with torch.no_grad():
        expected = stands_for.float()(images)
    found = load_weights(classifier(), tmp_path / name)
    torch.testing.assert_close(found.logits(images), expected, atol=1e-5, rtol=0)
    assert {note.code for note in found.liberties} == codes
