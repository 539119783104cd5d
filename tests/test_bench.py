"""The benchmarks' own arithmetic: who takes turns, what counts as met, and where tables go. Hardly any is run here."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import attrs
import pytest
import torch

import fpframe

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
    replaced = load("__main__").replaced
    page = "a\n<!-- table: t -->\nold\n<!-- end: t -->\nb\n<!-- table: u -->\nkept\n<!-- end: u -->\n"
    assert replaced(page, {"t": r"new \1"}) == page.replace("\nold\n", "\n\nnew \\1\n\n")
    with pytest.raises(SystemExit, match="no place for the table 'v'"):
        replaced(page, {"v": "new"})


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
def test_a_calibration_on_the_same_base_takes_false_accusations_back(tmp_path, registry):
    """The page on a public base: innocents are accused, and nobody once such models calibrate or the base is named."""
    bench = load("same_base")
    counted = bench.count("residual-300", bench.Models(registry), tmp_path, workers=2)
    accused = [each["innocent"]["DERIVED"] for each in (counted.before, counted.after, counted.named)]
    assert accused[0] > bench.COMPETITORS / 4
    assert accused[1:] == [0, 0]
    assert {each["innocent"].total() for each in attrs.astuple(counted, recurse=False)} == {bench.COMPETITORS}
