"""`contrastive` separates what can be separated, by a loss that is checked by hand."""

from __future__ import annotations

import pytest
import torch

from fpframe_plugins.encoders._contrastive_losses import supervised_contrastive_loss


def test_contrastive_separates_unseen_models_and_the_victim_scores_highest(registry, fingerprints):
    answers, relation, groups = fingerprints
    seen = [0, 1, 2, 3, 7, 8, 9]
    module = registry.create("encoder", "contrastive").fit(
        answers[seen], [relation[i] for i in seen], groups[seen], seed=0
    )
    victim = module(answers[0])
    scores = torch.tensor([float((module(answers[i]) * victim).sum(1).mean()) for i in range(13)])
    assert scores[0] == scores.max()
    assert scores[4:7].min() > scores[10:13].max() + 0.5


def test_the_contrastive_loss_of_two_pairs_matches_the_formula_by_hand():
    embeddings = torch.eye(2, dtype=torch.float64)[[0, 0, 1, 1]]
    loss = supervised_contrastive_loss(embeddings, torch.tensor([0, 0, 1, 1]), temperature=0.5)
    # each anchor: one positive at cosine 1, two negatives at cosine 0
    expected = torch.log(torch.exp(torch.tensor(2.0, dtype=torch.float64)) + 2) - 2
    assert float(loss) == pytest.approx(float(expected), rel=1e-12)


def test_an_anchor_without_a_positive_does_not_count():
    embeddings = torch.nn.functional.normalize(torch.randn(3, 4, generator=torch.Generator().manual_seed(0)), dim=1)
    labels = torch.tensor([0, 0, 1])
    loss = supervised_contrastive_loss(embeddings, labels, temperature=0.2)
    cosines = embeddings @ embeddings.T / 0.2
    by_hand = [-(cosines[i, j] - torch.logsumexp(cosines[i, [j, 2]], 0)) for i, j in ((0, 1), (1, 0))]
    assert float(loss) == pytest.approx(float(sum(by_hand) / 2), rel=1e-5)


@pytest.mark.parametrize(("name", "value"), [("temperature", 0.0), ("steps", 0), ("hidden", -1)])
def test_a_bad_parameter_is_named(registry, name, value):
    with pytest.raises(ValueError, match=f"'{name}' of 'contrastive' must be"):
        registry.create("encoder", "contrastive", **{name: value})
