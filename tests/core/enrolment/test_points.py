"""The interval of a single view's score over its points."""

from __future__ import annotations

import pytest
import torch

import fpframe
from fpframe.enrolment.points import RESAMPLES, drawn_cosines, drawn_points, middle

QUERIES, CLASSES = 12, 4


def answers(seed: int, models: int) -> torch.Tensor:
    """Return answers ``(M, 1, Q, K)``."""
    generator = torch.Generator().manual_seed(seed)
    return (2 * torch.randn(models, 1, QUERIES, CLASSES, generator=generator)).softmax(-1)


def fitted(registry, name: str) -> torch.nn.Module:
    encoder = registry.create("encoder", name)
    relation = ["victim", *["derived"] * 4, *["independent"] * 4]
    return encoder.fit(answers(0, 9), relation, torch.arange(9), seed=0)


def test_every_draw_is_of_as_many_points_as_there_are():
    drawn = drawn_points(QUERIES)
    assert drawn.shape == (RESAMPLES, QUERIES)
    assert torch.equal(drawn.sum(1), torch.full((RESAMPLES,), QUERIES, dtype=torch.float64))
    assert torch.equal(drawn, drawn_points(QUERIES)), "the same draws for every suspect"
    assert drawn.mean(0).allclose(torch.ones(QUERIES, dtype=torch.float64), atol=0.15)


@pytest.mark.parametrize("name", ["labels", "residual"])
def test_each_point_once_is_the_cosine_itself(registry, name):
    encoder = fitted(registry, name)
    ours, theirs = (encoder(rows) for rows in answers(3, 2))
    [whole] = drawn_cosines(encoder, ours, theirs, torch.ones(1, QUERIES, dtype=torch.float64))
    assert float(whole) == pytest.approx(float((ours * theirs).sum()), abs=1e-5)


def test_points_that_are_drawn_twice_count_twice(registry):
    encoder = fitted(registry, "labels")
    rows = answers(3, 2)
    ours, theirs = (encoder(each) for each in rows)
    same = (rows[0, 0].argmax(1) == rows[1, 0].argmax(1)).double()
    drawn = drawn_points(QUERIES)
    assert drawn_cosines(encoder, ours, theirs, drawn).allclose(drawn @ same / QUERIES)


def test_points_that_were_not_drawn_do_not_count(registry):
    encoder = fitted(registry, "residual")
    ours, theirs = (encoder(each) for each in answers(3, 2))
    half = (torch.arange(QUERIES) < QUERIES // 2).double()[None]
    parts = [encoder.by_query(each, QUERIES)[0, : QUERIES // 2].flatten().double() for each in (ours, theirs)]
    [found] = drawn_cosines(encoder, ours, theirs, half)
    assert float(found) == pytest.approx(float(torch.nn.functional.cosine_similarity(*parts, dim=0)))


def test_an_encoder_that_mixes_its_queries_has_no_interval(registry):
    encoder = fitted(registry, "contrastive")
    ours, theirs = (encoder(each) for each in answers(3, 2))
    assert drawn_cosines(encoder, ours, theirs, drawn_points(QUERIES)) is None


def test_the_interval_holds_the_middle_of_the_draws():
    assert middle(torch.arange(1001).double()) == pytest.approx((25, 975))


@pytest.mark.slow
def test_no_verdict_of_one_view_hangs_on_the_choice_of_points(registry, tiny_store):
    run = fpframe.Run(store=tiny_store, registry=registry)
    enrolment = fpframe.enroll(recipe="tiny", scheme="residual", run=run)
    rows = enrolment.calibration.answers[""]
    images = enrolment.queries.images.flatten(0, 1).float() / 255
    able = enrolment.ability
    assert able is not None

    def suspect(mine: torch.Tensor):
        """Return a suspect with answers ``(Q, K)``, that is as able as the victim."""

        def answer(pixels):
            asked = (pixels[:, None] - images[None]).abs().amax((2, 3, 4))
            known = (pixels[:, None] - able.images.float()[None] / 255).abs().amax((2, 3, 4))
            labels = torch.nn.functional.one_hot(able.victim[known.argmin(1)].long(), rows.shape[-1]).float()
            return torch.where(asked.amin(1, keepdim=True) < 1e-6, mine[asked.argmin(1)], 0.98 * labels + 0.002)

        return answer

    lowest = min(range(len(rows)), key=lambda row: float(enrolment.view_scores(rows[row], "probs")))
    theirs, ours = rows[lowest].flatten(0, 1), enrolment.victim_answers.flatten(0, 1)
    suspects = [suspect(w * ours + (1 - w) * theirs) for w in torch.linspace(0, 1, 21)]
    verdicts = [fpframe.verify(enrolment, each) for each in suspects]
    for verdict in verdicts:
        low, high = verdict.interval
        assert low <= verdict.score <= high
        assert fpframe.Verdict.from_dict(verdict.to_dict()) == verdict
    assert verdicts[0].verdict == "NOT_SHOWN"
    assert verdicts[-1].verdict == "DERIVED"
    hanging = [verdict for verdict in verdicts if verdict.reason_code == "points-disagree"]
    assert hanging, "between an innocent and a copy"
    assert all(f"{end:.3f}" in hanging[0].reason for end in hanging[0].interval)
    assert {verdict.verdict for verdict in hanging} == {"INCONCLUSIVE"}
    # nobody gains by another test that looks at the same view
    place = verdicts.index(hanging[0])
    early = [fpframe.verify(enrolment, suspects[at], test="sequential") for at in (0, place, -1)]
    assert [each.reason_code for each in early] == ["", "points-disagree", ""]
    assert [each.verdict for each in early] == ["NOT_SHOWN", "INCONCLUSIVE", "DERIVED"]
