"""`top1` reveals labels only."""

import torch
import torch.nn.functional as F

from plugins.filters.questions import K, images, logits, open_query


def test_top1_reveals_the_label_and_nothing_else(make):
    pixels = images(20)
    answers = make("top1").wrap(open_query(), seed=0)(pixels)
    assert torch.equal(answers, F.one_hot(logits(pixels).argmax(1), K).float())
