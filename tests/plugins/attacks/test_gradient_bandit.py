"""The bandit that chooses what an adaptive `knockoff` asks."""

from __future__ import annotations

import torch

from fpframe_plugins.attacks._gradient_bandit import GradientBandit, rewards


def test_the_bandit_draws_every_image_once_and_prefers_kinds_that_were_rewarded():
    kinds = torch.arange(4).repeat_interleave(100)
    bandit = GradientBandit(kinds, torch.Generator().manual_seed(0))
    drawn, shares = [], []
    for _ in range(8):
        images, chosen = bandit.draw(50)
        assert torch.equal(kinds[images], torch.tensor(chosen))
        bandit.learn(chosen, torch.tensor([float(kind == 2) for kind in chosen]))
        drawn.append(images)
        shares.append(chosen.count(2) / 50)
    assert torch.equal(torch.cat(drawn).sort().values, torch.arange(400))
    assert shares[1] > 0.4 > shares[0]
    assert shares[-1] == 0  # none of them is left


def test_rewards_are_margin_novelty_and_error():
    usual = torch.tensor([0.5, 0.3, 0.2])
    answers = torch.tensor([[0.7, 0.2, 0.1], [0.0, 0.0, 1.0]])
    logits = torch.tensor([[0.7, 0.2, 0.1], [0.5, 0.25, 0.25]]).log()
    entropy = -(answers[0] * answers[0].log()).sum()
    expected = torch.stack([0.5 + 0.2 + 1 - torch.exp(-entropy), torch.tensor(1 + 0.8 + 0.75)])
    torch.testing.assert_close(rewards(answers, logits, usual), expected)
