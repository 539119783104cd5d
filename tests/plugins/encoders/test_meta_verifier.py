"""`meta-verifier` learns from all answers together whether a model was made from the victim."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from fpframe_plugins.encoders.meta_verifier import MetaVerifier, Verifier, verifier_loss


def test_the_loss_is_the_mean_cross_entropy_of_each_relation_summed():
    log_odds = torch.tensor([2.0, 1.0, -1.0, 0.5, 3.0, -2.0])
    relation = ["victim", "derived", "derived", "independent", "independent", "independent"]
    probabilities = torch.stack([torch.sigmoid(-log_odds), torch.sigmoid(log_odds)], dim=1).log()
    each = F.nll_loss(probabilities, torch.tensor([1, 1, 1, 0, 0, 0]), reduction="none")
    expected = each[0] + each[1:3].mean() + each[3:].mean()
    assert float(verifier_loss(log_odds, relation)) == pytest.approx(float(expected), abs=1e-6)


def test_the_score_orders_models_by_the_log_odds_of_the_verifier(fingerprints):
    answers, relation, groups = fingerprints
    module = MetaVerifier().fit(answers, relation, groups, seed=0)
    assert isinstance(module, Verifier)
    samples = answers[1:].flatten(0, 1)
    log_odds, scores = module.number(samples), module(samples) @ module(answers[0])[0]
    below = log_odds < module.top
    assert 10 < int(below.sum()) < len(below)
    # float32 tells cosines near 1 apart by 6e-8 alone
    assert bool((scores[log_odds.argsort()].diff() > -1e-6).all())
    assert float(scores[below].min()) < 0
    assert bool((scores[~below] == scores.max()).all())


def test_it_learns_what_no_single_query_tells():
    # of two queries answered at random, derived models answer alike, as an exclusive or: no weights of answers tell
    first, second = torch.randint(2, (2, 200), generator=torch.Generator().manual_seed(0))
    answers = F.one_hot(torch.stack([first, second], dim=1), 2).float().unsqueeze(1)
    relation = ["victim" if row == int((first == second).float().argmax()) else "" for row in range(200)]
    relation = [
        kind or ("derived" if same else "independent")
        for kind, same in zip(relation, (first == second).tolist(), strict=True)
    ]
    module = MetaVerifier().fit(answers, relation, torch.arange(200), seed=0)
    log_odds = module.number(answers[:, 0])
    assert bool((log_odds > 0)[first == second].all())
    assert bool((log_odds < 0)[first != second].all())
