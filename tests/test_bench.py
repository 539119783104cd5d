"""The benchmarks' own arithmetic: who takes turns, what counts as met, and where tables go. Hardly any is run here."""

from __future__ import annotations

import importlib.util
import itertools
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import attrs
import numpy as np
import pytest
import torch

import fpframe
from fpframe_plugins.encoders.contrastive import Contrastive

BENCH = Path(__file__).parent / "bench"


def load(name: str) -> ModuleType:
    """Import one file of the benchmarks, which are no package."""
    spec = importlib.util.spec_from_file_location(f"bench_{name.strip('_')}", BENCH / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # attrs looks up the module of a class
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def measuring() -> ModuleType:
    return load("measuring")


def test_contestants_take_turns_and_none_is_always_the_first(measuring):
    seen = []
    times = measuring.take_turns({name: lambda name=name: seen.append(name) or name for name in "abc"}, repeats=3)
    assert "".join(seen) == "abc" + "abc" + "bca" + "cab"
    assert times.results == {"a": "a", "b": "b", "c": "c"}
    assert all(seconds > 0 for seconds in times.seconds.values())


def test_a_row_is_met_only_by_ratio_and_quality_together(measuring):
    row = measuring.Row(what="x", than="y", ours=1.0, theirs=1.0, limit=1.05)
    assert row.met
    assert not attrs.evolve(row, ours=1.06).met
    assert not attrs.evolve(row, good=False).met
    assert attrs.evolve(row, ours=1.06).cells()[4:7] == ["1.06", "<= 1.05", "MISS"]
    alone = measuring.Row(what="x", ours=0.3, limit=0.2)
    assert alone.cells()[2:7] == ["0.3", "-", "-", "<= 0.2 s", "MISS"]


def test_a_table_replaces_what_stands_between_its_markers_and_nothing_else(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    replaced = load("measuring").replaced
    page = "a\n<!-- table: t -->\nold\n<!-- end: t -->\nb\n<!-- table: u -->\nkept\n<!-- end: u -->\n"
    assert replaced(page, {"t": r"new \1"}) == page.replace("\nold\n", "\n\nnew \\1\n\n")
    with pytest.raises(SystemExit, match="no place for the table 'v'"):
        replaced(page, {"v": "new"})


def rows_apart(released, one, other) -> list[str]:
    """Return the rows of the table in which two schemes differ, by what they build."""
    built = [Contrastive(**scheme.encoder.params) for scheme in (one, other)]
    found = [
        row for row, names in released.ROWS.items() if any(getattr(built[0], n) != getattr(built[1], n) for n in names)
    ]
    return [*found, "UAP"] if one.parts != other.parts else found


def test_every_scheme_of_the_ablation_is_one_row_away_from_where_it_starts(registry):
    released = load("released")
    listed = {each.scheme.name: each for each in released.changes(registry)}
    assert len(listed) == 2 + 2 * 7 + 5 + 2
    assert set(Contrastive().params()) == {name for names in released.ROWS.values() for name in names}
    theirs, ours = (listed[name].scheme for name in ("uap-released", "uap-contrastive"))
    for end in (theirs, ours):
        offered = registry.get("scheme", end.name)
        assert end.parts == offered.parts
        assert Contrastive(**end.encoder.params) == Contrastive(**offered.encoder.params)
    assert rows_apart(released, theirs, ours) == list(released.ROWS)
    ladder = [theirs]
    for row in released.ROWS:
        alone = listed[f"uap-released, our {row}"]
        assert alone.of == "uap-released"
        assert rows_apart(released, theirs, alone.scheme) == [row]
        assert rows_apart(released, ours, listed[f"uap-contrastive, their {row}"].scheme) == [row]
        ladder.append(listed.get(f"uap-released, our features to {row}", alone).scheme)
    ladder[-1] = ours
    steps = [rows_apart(released, *pair) for pair in itertools.pairwise(ladder)]
    assert steps == [[row] for row in released.ROWS]
    control = registry.get("scheme", "random-sign")
    signs = listed["uap-released, random signs"].scheme
    assert (signs.parts, signs.encoder) == (control.parts, theirs.encoder)


def test_the_table_of_the_ablation_has_areas_and_differences_from_where_a_scheme_starts():
    released = load("released")
    models = [
        SimpleNamespace(relation=kind, family=f"{kind} {number}")
        for kind in ("derived", "independent")
        for number in range(5)
    ]
    good, bad = np.arange(10.0)[None, ::-1], np.tile(np.arange(5.0), 2)[None]
    lines = released.area_table({"a": good, "b": bad}, {"a": None, "b": "a"}, SimpleNamespace(models=models))
    assert lines[2].startswith("| `a` | 1.000 [")
    assert lines[3].startswith("| b | 0.500 [")
    assert "| `a` | -0.500 [" in lines[3]
    assert {line.count("|") for line in lines} == {6}


@pytest.fixture
def intervals(monkeypatch) -> ModuleType:
    monkeypatch.syspath_prepend(BENCH)
    return load("intervals")


@pytest.mark.parametrize("area", [(0.95,), (0.998,), (0.98, 0.95)])
def test_our_intervals_hold_the_truth_where_those_of_the_bootstrap_do_not(intervals, area):
    """Ten and thirty families: an AUC near 1, and the difference of two."""
    around = intervals.around_area if len(area) == 1 else intervals.around_difference
    truth = area[0] if len(area) == 1 else area[0] - area[1]
    held = intervals.coverage(150, truth, lambda s: around(intervals.draw(s, (10, 30), area, shape="hard")))
    assert held["Newcombe"][0] >= 0.95
    assert held["percentiles"][0] < 0.9
    assert held["Newcombe"][1] > held["percentiles"][1]  # nothing is for free


@pytest.mark.parametrize("count", [2, 3])
def test_intervals_over_zoos_hold_the_truth_where_zoos_differ(intervals, count):
    def made(source):
        zoos = [intervals.draw(source, (10, 30), (0.9,), shape="normal", spread=0.8) for _ in range(count)]
        return intervals.around_mean_area(zoos)

    held = {name: share for name, (share, _) in intervals.coverage(150, 0.9, made).items()}
    assert held["Newcombe and Student"] >= 0.93
    assert held["bootstrap, zoos and families"] < 0.85
    assert held["bootstrap, families"] < held["bootstrap, zoos and families"]


def test_the_made_up_scores_have_the_areas_that_they_are_said_to_have(intervals):
    for shape in intervals.SHAPES:
        for spread in (0.0, 0.8):
            source = np.random.default_rng(0)
            zoos = [intervals.draw(source, (40, 40), (0.95, 0.9), shape=shape, spread=spread) for _ in range(200)]
            found = np.mean([[each.area for each in zoo.schemes] for zoo in zoos], axis=0)
            assert found == pytest.approx([0.95, 0.9], abs=0.02)


def test_a_row_of_the_table_shows_the_lowest_and_the_highest_share(intervals):
    rows = iter([("10 / 30", {"a": [(0.9, 0.2), (1.0, 0.4)], "b": [(0.5, 0.1)]})])
    assert list(intervals.table("families", rows)) == [
        "| families | a | b |",
        "|---|---|---|",
        "| 10 / 30 | 0.90 to 1.00 (0.30) | 0.50 to 0.50 (0.10) |",
    ]


class Threshold(torch.nn.Module):
    """Tells whether one pixel is bright."""

    def __init__(self, pixel):
        super().__init__()
        self.pixel = pixel

    def forward(self, images):
        bright = images.flatten(1)[:, self.pixel] - 0.5
        return torch.stack([-bright, bright], dim=1)


@pytest.mark.parametrize("blends", [0, 200])
def test_a_malicious_augmenter_takes_points_at_which_its_own_kind_alone_follows_the_victim(blends):
    """The page on claims that no bundle can show: whoever knows the models that calibrate can choose against them."""
    bench = load("unseen")
    victim, mine, others = (
        fpframe.Classifier(Threshold(pixel), num_classes=2, image_shape=(1, 2, 2)) for pixel in (0, 0, 3)
    )
    pool = torch.rand(60, 1, 2, 2, generator=torch.Generator().manual_seed(0))
    chooses = bench.choosing("chosen", [mine], [others], blends=blends)()
    images = chooses(victim, pool, torch.zeros(60, dtype=torch.long), points=4, views=2, seed=0).flatten(0, 1)
    said = victim.logits(images).argmax(1)
    assert (mine.logits(images).argmax(1) == said).all()
    assert not (others.logits(images).argmax(1) == said).any()
    in_pool = (images[:, None] == pool).flatten(2).all(2).any(1)
    assert in_pool.tolist() == [blends == 0] * 8


def test_points_are_chosen_for_the_models_that_followed_least_so_far():
    """Two of our kind follow on other images, and one image on which everybody follows is worth nothing."""
    ours = torch.tensor([[True, True, False, False, True], [False, False, True, True, True]])
    others = torch.tensor([[False, False, False, False, True]])
    chosen = load("unseen").accusing(ours, others, count=4).tolist()
    assert sorted(chosen) == [0, 1, 2, 3]
    assert {number // 2 for number in chosen[:2]} == {0, 1}


@pytest.mark.slow
def test_a_calibration_on_the_same_base_takes_false_accusations_back(tmp_path, registry, monkeypatch):
    """The page on a public base: innocents are accused, and nobody once such models calibrate or the base is named."""
    bench = load("same_base")
    monkeypatch.setattr(bench, "COMPETITORS", 8)
    monkeypatch.setattr(bench, "THIEVES", 0)
    counted = bench.count("residual-300", bench.Models(registry), tmp_path, workers=2)
    accused = [each["innocent"]["DERIVED"] for each in (counted.before, counted.after, counted.named)]
    assert accused[0] > bench.COMPETITORS / 4
    assert accused[1:] == [0, 0]
    assert {each["innocent"].total() for each in attrs.astuple(counted, recurse=False)} == {bench.COMPETITORS}


@pytest.mark.slow
def test_the_memory_of_enroll_does_not_grow_with_the_images(tmp_path, monkeypatch):
    # were one part made to floats, 12 000 images of 64x64 pixels would take 100 MiB more than 3000
    monkeypatch.syspath_prepend(BENCH)
    memory = load("memory")
    few, more = memory.growing(tmp_path, workers=1, sizes=(3000, 12_000))
    assert few[-1] == "-"
    assert more[-1] == "yes", more
