"""`residual`: what models share is taken off, by a covariance computed here in the plainest way, and thieves stay."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

import fpframe
from fpframe.interfaces.encoder import Encoder
from fpframe.models.channel import through_channel
from fpframe_plugins.encoders import residual

QUERIES, CLASSES = 100, 5


def models(logits: Tensor, channel: str = "probs") -> Tensor:
    """Return answers ``(M, 1, Q, K)`` of models by their logits ``(M, Q, K)``."""
    return through_channel(logits.softmax(-1), channel).unsqueeze(1)


def noise(*shape: int, seed: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture
def encoder(registry) -> Encoder:
    return registry.create("encoder", "residual")


class World:
    """A victim, thieves and innocents whose answers vary most in two ways that have nothing to do with the victim.

    A thief has learnt 40 % of what is the victim's own, and is as far along the common ways as the next model.
    """

    def __init__(self) -> None:
        self.easy = 2 * noise(QUERIES, CLASSES, seed=0)
        self.ways = noise(2, QUERIES, CLASSES, seed=1)
        self.own = 2 * noise(QUERIES, CLASSES, seed=2)

    def logits(self, count: int, follow: float, seed: int) -> Tensor:
        along = torch.einsum("mw,wqk->mqk", 2 * noise(count, 2, seed=seed), self.ways)
        return self.easy + along + follow * self.own + 0.5 * noise(count, QUERIES, CLASSES, seed=seed + 1)

    def fit(self, encoder: Encoder, channel: str) -> tuple[torch.nn.Module, Tensor]:
        """Return an encoder fitted on 10 thieves and 20 innocents, and the victim's answers ``(1, Q, K)``."""
        logits = [self.logits(1, 1.0, 10), self.logits(10, 0.4, 20), self.logits(20, 0.0, 30)]
        answers = models(torch.cat(logits), channel)
        relation = ["victim"] + ["derived"] * 10 + ["independent"] * 20
        return encoder.fit(answers, relation, torch.arange(31), seed=0), answers[0]

    def scores(self, encoder: Encoder, channel: str, reveal: str | None = None) -> tuple[float, Tensor, Tensor]:
        """Return the cosines with the victim: of the victim, of 20 thieves and of 40 innocents that are new."""
        module, victim = self.fit(encoder, channel)
        ours = module(victim)[0]
        thieves, innocents = (
            models(self.logits(count, follow, seed), reveal or channel)[:, 0]
            for count, follow, seed in ((20, 0.4, 40), (40, 0.0, 50))
        )
        return float(ours @ ours), module(thieves) @ ours, module(innocents) @ ours


def area(above: Tensor, below: Tensor) -> float:
    return float((above.unsqueeze(1) > below).double().mean())


@pytest.mark.parametrize("channel", ["probs", "rounded:2", "rounded:1", "top1"])
def test_thieves_are_told_from_innocents_where_common_variation_dominates_in_every_channel(encoder, registry, channel):
    itself, thieves, innocents = World().scores(encoder, channel)
    assert itself == pytest.approx(1, abs=1e-5)
    assert area(thieves, innocents) > 0.9
    assert thieves.max() < 1
    # what the common variation does to the cosine of the answers as they are
    _, thieves, innocents = World().scores(registry.create("encoder", "identity"), channel)
    assert area(thieves, innocents) < 0.8


def test_taking_off_the_common_directions_is_what_helps(encoder, registry):
    _, thieves, innocents = World().scores(encoder, "probs")
    # a ridge far above all variances leaves every direction its weight: only the mean is subtracted
    kept = registry.create("encoder", "residual", ridge=1e9)
    _, thieves_kept, innocents_kept = World().scores(kept, "probs")
    assert area(thieves, innocents) > area(thieves_kept, innocents_kept) + 0.1


def test_the_mean_is_taken_off_so_that_innocents_are_near_zero(encoder, registry):
    _, _, innocents = World().scores(encoder, "probs")
    assert abs(float(innocents.mean())) < 0.05
    _, _, raw = World().scores(registry.create("encoder", "identity"), "probs")
    assert raw.mean() > 0.2


def features_by_hand(answers: Tensor, floor: float) -> tuple[Tensor, Tensor]:
    logs = torch.stack(
        [row.clamp(min=floor).log() - row.clamp(min=floor).log().mean() for row in answers.flatten(0, 1)]
    )
    labels = torch.stack([torch.eye(answers.shape[2])[int(row.argmax())] for row in answers.flatten(0, 1)])
    return logs.reshape(len(answers), -1).double(), labels.reshape(len(answers), -1).double()


@pytest.mark.parametrize(("ridge", "floor"), [(1.0, 0.1), (0.2, 0.01)])
def test_the_cosine_is_that_of_features_whitened_by_an_explicit_covariance(registry, ridge, floor):
    answers = (2 * noise(20, 6, 4, seed=0)).softmax(-1)
    relation = ["victim"] + ["derived"] * 7 + ["independent"] * 8
    encoder = registry.create("encoder", "residual", ridge=ridge, floor=floor)
    module = encoder.fit(answers[:16].unsqueeze(1), relation, torch.arange(16), seed=0)

    parts = features_by_hand(answers, floor)
    # one scale for all log-probabilities, one for all labels: over the independent models
    scaled = [part / part[8:16].var(0, correction=0).mean().sqrt() for part in parts]
    residuals = torch.cat(scaled, dim=1)
    residuals = residuals - residuals[8:16].mean(0)
    derived = residuals[1:8] - residuals[1:8].mean(0)
    within = torch.cat([derived, residuals[8:16]])
    covariance = within.T @ within / 15
    # the mean variance over 15 models' directions
    whitening = torch.linalg.inv(torch.eye(48, dtype=torch.double) + covariance / (ridge * covariance.trace() / 15))
    inner = residuals @ whitening @ residuals.T
    norms = inner.diagonal().sqrt()
    found = module(answers)
    assert torch.allclose((found @ found.T).double(), inner / norms / norms.unsqueeze(1), atol=1e-5)


def test_only_the_strongest_directions_lose_weight_where_fewer_are_kept(registry):
    answers = models(World().logits(30, 0.0, seed=5))
    relation = ["independent"] * 30
    strongest, every = (
        registry.create("encoder", "residual", directions=count).fit(answers, relation, torch.arange(30), seed=0)
        for count in (2, 64)
    )
    assert strongest.directions.shape[0] == 2
    assert torch.allclose(strongest.directions, every.directions[:2], atol=1e-5)
    assert torch.allclose(strongest.shrinking, every.shrinking[:2], atol=1e-6)
    assert (every.shrinking.diff() <= 0).all()
    # 30 models less their mean span 29 directions
    assert [int((module.shrinking > 0).sum()) for module in (strongest, every)] == [2, 29]
    assert torch.allclose(every.directions[:29] @ every.directions[:29].T, torch.eye(29), atol=1e-4)
    assert not every.directions[29:].any()


def test_the_victim_takes_no_part_in_the_fit(encoder):
    answers = models(World().logits(12, 0.0, seed=5))
    relation = ["victim"] + ["derived"] * 4 + ["independent"] * 7
    other = torch.cat([models(World().logits(1, 3.0, seed=9)), answers[1:]])
    first, second = (encoder.fit(each, relation, torch.arange(12), seed=0).state_dict() for each in (answers, other))
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_a_module_that_was_fitted_before_is_fitted_anew(encoder):
    one, other = models(World().logits(12, 0.0, seed=5)), models(0.1 * World().logits(12, 0.0, seed=6))
    relation, module = ["derived"] * 4 + ["independent"] * 8, encoder.module(QUERIES, CLASSES)
    for answers in (other, one):
        encoder.fit_module(module, answers, relation, torch.arange(12), seed=0)
    fresh = encoder.fit(one, relation, torch.arange(12), seed=0).state_dict()
    assert all(torch.equal(value, fresh[name]) for name, value in module.state_dict().items())


@pytest.mark.parametrize("counts", [(0, 1), (1, 1), (0, 2), (3, 50)])
def test_any_number_of_models_can_be_fitted_on_and_loaded(encoder, counts):
    derived, independent = counts
    answers = models(World().logits(1 + sum(counts), 0.0, seed=5))
    relation = ["victim"] + ["derived"] * derived + ["independent"] * independent
    fitted = encoder.fit(answers, relation, torch.arange(len(relation)), seed=0)
    empty = encoder.module(QUERIES, CLASSES).eval()
    empty.load_state_dict(fitted.state_dict(), strict=True)
    assert torch.equal(empty(answers[:, 0]), fitted(answers[:, 0]))


def test_a_model_that_answers_as_the_mean_of_independent_ones_is_unlike_the_victim_and_like_itself(encoder):
    answers = models(World().logits(2, 1.0, seed=5))
    module = encoder.fit(answers, ["victim", "independent"], torch.arange(2), seed=0)
    victim, mean = module(answers[:, 0])
    assert float(victim @ mean) == pytest.approx(0, abs=1e-6)
    assert float(mean @ mean) == pytest.approx(1)


def test_several_views_are_so_many_samples_of_a_model(encoder):
    answers = models(World().logits(13, 0.0, seed=5))
    pairs = answers[1:].reshape(6, 2, QUERIES, CLASSES)
    relation = ["derived"] * 2 + ["independent"] * 4
    views = encoder.fit(pairs, relation, torch.arange(6), seed=0).state_dict()
    alone = encoder.fit(
        answers[1:], [kind for kind in relation for _ in range(2)], torch.arange(12), seed=0
    ).state_dict()
    assert all(torch.allclose(views[name], alone[name], atol=1e-6) for name in views)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_an_answer_that_is_not_finite_stays_visible_in_the_embedding(encoder, bad):
    module, victim = World().fit(encoder, "probs")
    answers = victim.repeat(3, 1, 1)
    answers[1, 4, 2] = bad
    assert module(answers).isfinite().all(1).tolist() == [True, False, True]


def test_without_independent_models_it_says_what_is_missing(encoder):
    answers = models(World().logits(3, 1.0, seed=5))
    with pytest.raises(fpframe.DataError, match=r"needs independent models .* under \[\[independent\]\]"):
        encoder.fit(answers, ["victim", "derived", "derived"], torch.arange(3), seed=0)


@pytest.mark.parametrize(("name", "value"), [("directions", 0), ("ridge", 0.0), ("floor", 0.0), ("floor", 0.6)])
def test_a_bad_parameter_is_named(registry, name, value):
    with pytest.raises(ValueError, match=f"'{name}' of 'residual' must be"):
        registry.create("encoder", "residual", **{name: value})


@pytest.mark.slow
def test_the_scheme_is_enrolled_on_single_images_of_one_view_saved_and_gives_the_victim_a_score_of_one(
    registry, tiny_store, tmp_path
):
    run = fpframe.Run(store=tiny_store, registry=registry)
    made = fpframe.enroll(recipe="tiny", scheme="residual", run=run)
    made.save(tmp_path / "enrolment")
    enrolment = fpframe.Enrolment.open(tmp_path / "enrolment", registry=registry)
    assert enrolment.queries.images.shape == (1, 20, 1, 8, 8)
    digits = registry.create("dataset", "digits").open("", root=None).train.images
    asked = enrolment.queries.images.flatten(0, 1)
    assert all((digits == image).flatten(1).all(1).any() for image in asked), "natural images, sent as they are"
    innocents = enrolment.calibration.answers[""]
    for channel in enrolment.encoders:
        assert float(enrolment.view_scores(enrolment.victim_answers, channel)) == pytest.approx(1)
        scores = torch.cat([enrolment.view_scores(answers, channel) for answers in innocents])
        assert scores.max() < 0.9
        assert torch.equal(scores, torch.cat([made.view_scores(answers, channel) for answers in innocents]))


def test_many_classes_are_fitted_in_blocks_to_the_same_network(
    encoder: Encoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, victim = World().fit(encoder, "probs")
    monkeypatch.setattr(residual, "MANY", CLASSES - 1)
    monkeypatch.setattr(residual, "_NUMBERS", 7 * 2 * CLASSES * 30)  # blocks of seven queries, and a rest
    blocks, _ = World().fit(encoder, "probs")
    for name in ("centre", "scale", "shrinking"):
        torch.testing.assert_close(getattr(blocks, name), getattr(whole, name))
    probed = models(World().logits(20, 0.4, 40))[:, 0]
    torch.testing.assert_close(blocks(probed) @ blocks(victim)[0], whole(probed) @ whole(victim)[0])
