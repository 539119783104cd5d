"""Overlapping parts share what was asked, models see no more of the victim's images, and a planted slope is found."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
import torch
from scipy.stats import linregress

from fpframe.evaluation.counts import rate
from fpframe.models.dataset import Images
from fpframe.paper.experiment import Finding
from fpframe.paper.laboratory import Laboratory
from fpframe.paper.overlap.claims import accused_claim, growth_claim
from fpframe.paper.overlap.experiment import plan_overlapping, run, shared_images
from fpframe.paper.overlap.measured import FRACTIONS, Measured
from fpframe.paper.overlap.slope import Slope


@pytest.fixture(scope="module")
def finding(laboratory: Laboratory) -> Finding:
    return run(laboratory)


def test_a_part_shares_the_asked_fraction_with_the_victim_and_the_rest_with_nobody_it_knows(
    laboratory: Laboratory,
) -> None:
    parts = laboratory.setting.workspace.parts
    whole = torch.cat([parts.victim.images, parts.thief.images])
    # no image of the digits is there twice, so that equal bytes are the same image
    assert len({row.numpy().tobytes() for row in whole}) == len(whole)
    for fraction in FRACTIONS:
        part = parts.part(f"overlap:{fraction:g}")
        assert len(part) == len(parts.victim)
        assert shared_images(part, parts.victim) == round(fraction * len(parts.victim))
        assert shared_images(part, parts.thief) == len(part) - round(fraction * len(parts.victim))
        assert shared_images(part, parts.pool) == 0


def test_an_image_that_is_there_twice_is_shared_as_often_as_both_have_it() -> None:
    first, second = torch.zeros(1, 1, 2, 2).byte(), torch.ones(1, 1, 2, 2).byte()
    labels = torch.zeros(3).long()
    part = Images(torch.cat([first, first, second]), labels)
    victim = Images(torch.cat([first, second, second]), labels)
    assert shared_images(part, victim) == 2


def test_models_of_every_fraction_are_trained_on_that_part_and_on_nothing_else(laboratory: Laboratory) -> None:
    models = plan_overlapping(laboratory)
    count = laboratory.recipe.experiments.overlap_models
    assert Counter(model.stratum for model in models) == {f"overlap({each:g})": count for each in FRACTIONS}
    for model in models:
        (step,) = model.lineage.steps
        assert f"overlap({step.data.removeprefix('overlap:')})" == model.stratum
        assert laboratory.setting.workspace.resolve(step.backbone or "") == laboratory.recipe.victim.backbone
    # every model is a draw of its own: other first weights, another order of images
    assert len({model.lineage.last.seed for model in models}) == len(models)
    assert len({model.family for model in models}) == len(models)
    assert not {model.family for model in models} & {model.family for model in laboratory.zoo.models}


def test_a_planted_slope_is_found_with_an_interval_of_the_promised_coverage() -> None:
    draw = np.random.default_rng(0)
    x = np.repeat(FRACTIONS, 2)
    exact = Slope.of(x, 0.2 + 0.5 * x)
    assert exact.value == pytest.approx(0.5)
    assert exact.intercept == pytest.approx(0.2)
    assert exact.half < 1e-6
    assert exact.rank == pytest.approx(1.0)
    found = [Slope.of(x, 0.2 + 0.5 * x + 0.1 * draw.standard_normal(len(x))) for _ in range(200)]
    covered = np.mean([each.interval[0] <= 0.5 <= each.interval[1] for each in found])
    assert 0.91 <= covered <= 0.99
    # an independent path to the same numbers
    y = 0.2 + 0.1 * draw.standard_normal(len(x))
    line, ours = linregress(x, y), Slope.of(x, y)
    assert (ours.value, ours.p_value) == pytest.approx((line.slope, line.pvalue))
    middle, low, high = ours.band(np.array([0.0]))
    assert middle[0] == pytest.approx(line.intercept)
    assert (high - low)[0] / (2 * line.intercept_stderr) == pytest.approx(2.1009, abs=1e-3)  # Student, 18 degrees


def test_no_slope_without_points_that_differ() -> None:
    with pytest.raises(ValueError, match="three points or more"):
        Slope.of([0.1, 0.1, 0.1], [1.0, 2.0, 3.0])
    flat = Slope.of([0.0, 0.5, 1.0], [2.0, 2.0, 2.0])
    assert (flat.value, flat.rank, flat.rank_p_value) == (0.0, 0.0, 1.0)


@pytest.mark.parametrize(("planted", "outcome"), [(0.6, "differs"), (0.0, "agrees"), (-0.6, "agrees")])
def test_only_growth_that_is_no_chance_differs_from_the_paper(planted: float, outcome: str) -> None:
    x = np.repeat(FRACTIONS, 2)
    noise = 0.05 * np.tile([1.0, -1.0], len(FRACTIONS))
    claim = growth_claim(_made_up(x, planted * x + noise, hits=0))
    assert claim.outcome == outcome
    assert ("grows by 0.540 over the range" in claim.why) == (planted > 0)
    assert "n = 20" in claim.ours


@pytest.mark.parametrize(
    ("hits", "alpha", "outcome"), [(0, 0.05, "undecided"), (0, 0.2, "agrees"), (9, 0.05, "differs")]
)
def test_a_rate_is_held_to_alpha_with_its_interval(hits: int, alpha: float, outcome: str) -> None:
    claim = accused_claim(_made_up(np.repeat(FRACTIONS, 2), np.linspace(0, 0.1, 20), hits=hits), alpha)
    assert claim.outcome == outcome
    assert f"({hits} of 20)" in claim.ours


@pytest.mark.slow
def test_findings(laboratory: Laboratory, finding: Finding) -> None:
    count = len(FRACTIONS) * laboratory.recipe.experiments.overlap_models
    table = finding.tables["models"]
    assert len(table.rows) == count
    rows = np.array([[row[0], *row[2:]] for row in table.rows], dtype=float)
    for column, name in enumerate(table.header[2:], start=1):
        again = linregress(rows[:, 0], rows[:, column])
        kept = finding.data["schemes"].get(name.removeprefix("similarity by "), {}).get("slope")
        slope = kept or finding.data["slopes"][name]
        assert slope["value"] == pytest.approx(again.slope, abs=1e-9)
    assert (abs(rows[:, 1:3]) <= 1).all()
    for scheme in finding.data["schemes"].values():
        assert scheme["called_derived"]["n"] == count
        assert scheme["held_out_derived_called_derived"]["n"] == len(laboratory.thefts("test"))
        # an encoder that cannot tell thefts from innocent models would say nothing of overlap
        assert scheme["mean_similarity_of_derived"] > scheme["mean_similarity_of_independent"]
    shared = finding.data["images_shared_with_the_victim"]
    assert shared == {f"{each:g}": round(each * finding.data["images"]) for each in FRACTIONS}
    assert finding.pictures["similarity"].count(f"independent (n = {count})") == 1
    assert all(math.isfinite(each["value"]) for each in finding.data["slopes"].values())


def _made_up(shares: np.ndarray, scores: np.ndarray, *, hits: int) -> Measured:
    verdicts = [("DERIVED" if row < hits else "NOT_SHOWN", str(row)) for row in range(len(scores))]
    return Measured(
        scores=scores,
        slope=Slope.of(shares, scores),
        accused=rate("overlapping", verdicts),
        found=rate("derived", verdicts),
        derived=np.array([0.9, 0.95]),
        independent=np.array([0.0, 0.1]),
    )
