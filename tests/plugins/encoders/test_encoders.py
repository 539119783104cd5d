"""Encoders: unit norm, one answer for one model, exact after loading, and they separate what can be separated."""

from __future__ import annotations

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from fpframe.interfaces.encoder import Encoder
from fpframe.models.channel import through_channel
from fpframe_plugins.encoders.contrastive import supervised_contrastive_loss
from fpframe_plugins.encoders.correlation import upper_triangle

VIEWS, QUERIES, CLASSES = 4, 6, 5


@pytest.fixture(scope="module")
def fingerprints():
    """Answers (M, V, Q, K): a victim, six models near it, six models near something else."""
    source = torch.Generator().manual_seed(0)
    ours, theirs = torch.randn(2, VIEWS, QUERIES, CLASSES, generator=source)
    centres = torch.stack([ours] * 7 + [theirs] * 6)
    noise = 0.5 * torch.randn(centres.shape, generator=source)
    relation = ["victim"] + ["derived"] * 6 + ["independent"] * 6
    return (centres + noise).softmax(-1), relation, torch.arange(13)


@pytest.fixture(params=["contrastive", "autoencoder", "residual"])
def encoder(request, registry) -> Encoder:
    return registry.create("encoder", request.param)


def test_embeddings_have_unit_norm_and_do_not_depend_on_the_batch(encoder, fingerprints):
    answers, relation, groups = fingerprints
    module = encoder.fit(answers, relation, groups, seed=0)
    whole = module(answers.flatten(0, 1))
    parts = torch.cat([module(part) for part in answers.flatten(0, 1).split(5)])
    assert torch.allclose(whole.norm(dim=1), torch.ones(len(whole)), atol=1e-5)
    assert torch.allclose(whole, parts, atol=1e-6)


def test_a_loaded_encoder_gives_the_same_embeddings(encoder, fingerprints):
    answers, relation, groups = fingerprints
    fitted = encoder.fit(answers, relation, groups, seed=0)
    empty = encoder.module(QUERIES, CLASSES).eval()
    assert not torch.equal(empty(answers[0]), fitted(answers[0]))
    empty.load_state_dict(fitted.state_dict())
    assert torch.equal(empty(answers[0]), fitted(answers[0]))


def test_the_same_seed_gives_the_same_weights_and_another_seed_others_where_any_are_drawn(encoder, fingerprints):
    answers, relation, groups = fingerprints
    weights = [encoder.fit(answers, relation, groups, seed=seed).state_dict() for seed in (3, 3, 4)]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
    others = any(not torch.equal(weights[0][name], weights[2][name]) for name in weights[0])
    assert others is (encoder.name != "residual")


def test_fitting_leaves_answers_and_random_state_as_found(encoder, fingerprints):
    answers, relation, groups = fingerprints
    before, state = answers.clone(), torch.random.get_rng_state()
    encoder.fit(answers, relation, groups, seed=0)
    assert torch.equal(answers, before)
    assert torch.equal(torch.random.get_rng_state(), state)


def test_zero_probabilities_and_labels_are_finite(encoder, fingerprints):
    answers, relation, groups = fingerprints
    one_hot = torch.nn.functional.one_hot(answers.argmax(-1), CLASSES).float()
    module = encoder.fit(one_hot, relation, groups, seed=0)
    assert module(one_hot[0]).isfinite().all()


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


# --- encoders that learn nothing


@pytest.fixture(params=["correlation", "identity", "labels"])
def plain(request, registry) -> Encoder:
    return registry.create("encoder", request.param)


def some_answers(views: int = 3, queries: int = 12, classes: int = CLASSES, seed: int = 0) -> torch.Tensor:
    source = torch.Generator().manual_seed(seed)
    return (3 * torch.randn(views, queries, classes, generator=source)).softmax(-1)


def embedding(encoder: Encoder, answers: torch.Tensor) -> torch.Tensor:
    return encoder.module(*answers.shape[1:]).eval()(answers)


def cosines(encoder: Encoder, one: torch.Tensor, other: torch.Tensor) -> list[float]:
    return torch.nn.functional.cosine_similarity(embedding(encoder, one), embedding(encoder, other)).tolist()


@pytest.mark.parametrize("channel", ["probs", "rounded:2", "rounded:1", "rounded:0", "top1"])
def test_plain_embeddings_have_unit_norm_in_every_channel_and_do_not_depend_on_the_batch(plain, channel):
    answers = through_channel(some_answers(views=7), channel)
    whole = embedding(plain, answers)
    parts = torch.cat([embedding(plain, part) for part in answers.split(2)])
    assert torch.allclose(whole.norm(dim=1), torch.ones(7), atol=1e-6)
    assert torch.allclose(whole, parts, atol=1e-6)


@pytest.mark.parametrize(
    "row",
    [[0.2] * 5, [0.0] * 5, [1.0, 0, 0, 0, 0], [0.3, 0.3, 0.2, 0.1, 0.1], [1 / 3, 1 / 3, 1 / 3, 0, 0]],
    ids=["uniform", "zero", "certain", "unsure", "tied"],
)
def test_a_model_that_always_answers_the_same_has_a_finite_embedding_and_resembles_itself(plain, row):
    constant = torch.tensor(row).expand(3, 12, 5)
    found = embedding(plain, constant)
    assert torch.allclose(found.norm(dim=1), torch.ones(3), atol=1e-6)
    assert cosines(plain, constant, constant) == pytest.approx([1.0] * 3)
    assert max(cosines(plain, constant, some_answers())) < 0.9


def test_identity_takes_rounding_errors_of_a_uniform_answer_for_nothing(registry):
    uniform = [0.2 + 2e-8 * torch.randn(3, 12, 5, generator=torch.Generator().manual_seed(seed)) for seed in (0, 1)]
    encoder = registry.create("encoder", "identity")
    assert cosines(encoder, *uniform) == pytest.approx([1.0] * 3)
    assert cosines(encoder, uniform[0], some_answers()) == pytest.approx([0.0] * 3, abs=1e-5)


def test_plain_encoders_pass_fit_with_constant_models_and_the_same_module_comes_back(plain, fingerprints):
    answers, relation, groups = fingerprints
    constant = torch.full_like(answers, 1 / CLASSES)
    fitted = plain.fit(constant, relation, groups, seed=0)
    empty = plain.module(QUERIES, CLASSES).eval()
    empty.load_state_dict(fitted.state_dict())
    assert torch.equal(empty(answers[1]), fitted(answers[1]))
    other = plain.fit(answers, relation, groups, seed=1)
    assert torch.equal(other(answers[1]), fitted(answers[1])), "nothing is learnt"


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_an_answer_that_is_not_finite_stays_visible_in_the_embedding(plain, bad):
    answers = some_answers()
    answers[1, 4, 2] = bad
    finite = embedding(plain, answers).isfinite().all(1)
    assert finite.tolist() == [True, False, True]


@pytest.mark.parametrize("channel", ["probs", "rounded:1", "top1"])
def test_the_cosine_of_labels_is_the_matching_rate(registry, channel):
    one, other = (through_channel(some_answers(seed=seed), channel) for seed in (0, 1))
    pairs = [list(zip(ours, theirs, strict=True)) for ours, theirs in zip(one, other, strict=True)]
    rates = [sum(int(a.argmax()) == int(b.argmax()) for a, b in view) / 12 for view in pairs]
    assert 0 < min(rates) < max(rates) < 1
    assert cosines(registry.create("encoder", "labels"), one, other) == pytest.approx(rates, abs=1e-6)


def test_the_cosine_of_identity_is_the_correlation_of_the_centred_answers(registry):
    one, other = some_answers(seed=0), some_answers(seed=1)
    # each answer has the same mean, 1/K, so that this is the correlation over all numbers
    views = torch.stack([one, other], dim=1).flatten(2)
    by_hand = [float(torch.corrcoef(view)[0, 1]) for view in views]
    assert cosines(registry.create("encoder", "identity"), one, other) == pytest.approx(by_hand, abs=1e-5)


def test_identity_ranks_labels_as_the_matching_rate_does(registry):
    one, other = (through_channel(some_answers(seed=seed), "top1") for seed in (0, 1))
    rates = torch.tensor(cosines(registry.create("encoder", "labels"), one, other))
    expected = (rates - 1 / CLASSES) / (1 - 1 / CLASSES)
    assert cosines(registry.create("encoder", "identity"), one, other) == pytest.approx(expected.tolist(), abs=1e-6)


@pytest.mark.parametrize("channel", ["probs", "rounded:1", "top1"])
def test_correlation_embeds_the_cosines_of_all_pairs_of_answers(registry, channel):
    answers = through_channel(some_answers(queries=7), channel)
    for view, found in zip(answers, embedding(registry.create("encoder", "correlation"), answers), strict=True):
        by_hand = torch.tensor(
            [float(view[i] @ view[j] / (view[i].norm() * view[j].norm())) for j in range(7) for i in range(j)]
        )
        assert torch.allclose(found, torch.cat([by_hand / by_hand.norm(), torch.zeros(1)]), atol=1e-6)


def test_correlation_does_not_see_which_class_is_which_and_the_others_do(registry):
    answers = some_answers(classes=5)
    renamed = answers.roll(2, dims=2)
    assert cosines(registry.create("encoder", "correlation"), answers, renamed) == pytest.approx([1.0] * 3)
    assert max(cosines(registry.create("encoder", "labels"), answers, renamed)) == 0
    assert max(cosines(registry.create("encoder", "identity"), answers, renamed)) < 0.5


@pytest.mark.parametrize("queries", [1, 2, 3, 30])
def test_the_upper_triangle_has_every_pair_once(queries):
    pairs = [tuple(pair) for pair in upper_triangle(queries, 10_000).T.tolist()]
    assert sorted(pairs) == [(i, j) for i in range(queries) for j in range(i + 1, queries)]


def test_of_many_pairs_a_fixed_part_is_compared_that_holds_every_query():
    pairs = upper_triangle(2000, 20_000)
    assert pairs.shape == (2, 20_000)
    assert len({tuple(pair) for pair in pairs.T.tolist()}) == 20_000
    assert (pairs[0] < pairs[1]).all()
    assert pairs.min() >= 0
    assert pairs.max() < 2000
    assert len(pairs.unique()) == 2000
    assert torch.equal(pairs, upper_triangle(2000, 20_000))


def test_a_loaded_correlation_compares_the_pairs_that_were_stored(registry):
    encoder, answers = registry.create("encoder", "correlation", pairs=5), some_answers()
    stored = encoder.module(12, CLASSES)
    stored.pairs.copy_(torch.tensor([[0, 0, 0, 0, 0], [1, 2, 3, 4, 5]]))
    loaded = encoder.module(12, CLASSES)
    assert not torch.equal(loaded(answers), stored(answers))
    loaded.load_state_dict(stored.state_dict())
    assert torch.equal(loaded(answers), stored(answers))
    assert loaded(answers).shape == (3, 6)


class Largest(TorchDispatchMode):
    """Note the size of the largest tensor that is made, in bytes."""

    size = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        made = func(*args, **(kwargs or {}))
        if isinstance(made, torch.Tensor):
            self.size = max(self.size, made.numel() * made.element_size())
        return made


def test_two_thousand_queries_are_embedded_with_one_matrix_in_memory_at_a_time(registry):
    answers = some_answers(views=10, queries=2000, classes=10)
    module = registry.create("encoder", "correlation").module(2000, 10)
    with Largest() as largest:
        found = module(answers)
    assert found.shape == (10, 20_001)
    assert largest.size == 4 * 2000**2, "float32"


def test_correlation_refuses_no_pairs(registry):
    with pytest.raises(ValueError, match="'pairs' of 'correlation' must be"):
        registry.create("encoder", "correlation", pairs=0)
