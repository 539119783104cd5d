"""`fpframe reproduce`: pages, data and tables of an experiment, an index, and one line for what cannot be done."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import attrs
import pytest

import fpframe
from fpframe.cli import run
from fpframe.paper import reproduce_paper as reproducing
from fpframe.paper.experiment import EXPERIMENTS, Claim, Experiment, Finding, Table
from fpframe.paper.folder import Reproduction, index_page, page, write_reproduction
from fpframe.paper.laboratory import Laboratory
from fpframe.paper.reproduce_paper import find_experiment, reproduce
from fpframe.store.store import HOME


def test_every_experiment_is_one_file_of_that_name() -> None:
    for name in EXPERIMENTS:
        experiment = find_experiment(name)
        assert experiment.name == name
        assert experiment.shows.endswith(".")


def test_the_command_writes_a_page_data_and_an_index(
    tiny_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(HOME, str(tiny_store))
    out = tmp_path / "out"
    assert run(["reproduce", "accuracy", "--recipe", "tiny", "--out", str(out), "--workers", "1"]) == 0
    index = (out / "index.md").read_text()
    assert capsys.readouterr().out == index + "\n"
    text = (out / "accuracy.md").read_text()
    for link in re.findall(r"\]\(([^)]+)\)", index + text):
        assert (out / link).is_file(), link
    result = json.loads((out / "accuracy.json").read_text())
    assert result["recipe"] == "tiny"
    rows = list(csv.reader((out / "accuracy-models.csv").read_text().splitlines()))
    assert rows[0] == ["architecture", "how", "accuracy"]
    assert len(rows) - 1 == sum(len(row["accuracies"]) for row in result["data"]["rows"])
    # a second run is refused, unless it may overwrite
    assert run(["reproduce", "accuracy", "--recipe", "tiny", "--out", str(out)]) == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["overlp"], "unknown experiment 'overlp'; did you mean 'overlap'?"),
        ([], "no experiment named; choose from borderpoints, views,"),
        (["views", "--recipe", "tinny"], "unknown recipe 'tinny'; did you mean 'tiny'?"),
        (["views", "--recipe", "small"], "pass the folder that holds it with --data-root DIR"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv(HOME, str(tmp_path))
    assert run(["reproduce", *arguments]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_a_recipe_without_the_models_that_an_experiment_needs_is_refused_before_anything_is_opened(
    tmp_path: Path,
) -> None:
    small = fpframe.Recipe.load("small")
    lacking = attrs.evolve(small, derived=tuple(attrs.evolve(group, test=0) for group in small.derived))
    said = "experiment 'queries' needs derived models in 'test', but recipe 'small' has none"
    with pytest.raises(fpframe.RecipeError, match=said):
        reproduce(["views", "queries"], recipe=lacking, run=fpframe.Run(store=tmp_path))
    with pytest.raises(fpframe.UsageError, match="pass the folder that holds it"):
        reproduce(["views"], recipe=lacking, run=fpframe.Run(store=tmp_path))


def test_data_that_is_not_there_is_named_with_where_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(HOME, str(tmp_path / "store"))
    assert run(["reproduce", "all", "--recipe", "small", "--data-root", str(tmp_path)]) == 3
    error = capsys.readouterr().err
    assert "no file FashionMNIST/raw/" in error
    assert "get them with: python -c" in error
    assert error.count("\n") == 1
    assert not (tmp_path / "FashionMNIST").exists()


def test_a_download_that_is_asked_for_comes_before_the_data_are_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    monkeypatch.setattr(reproducing, "download_dataset", lambda registry, *where: asked.append(where))
    with pytest.raises(fpframe.DataError, match="no file FashionMNIST"):
        reproduce(
            ["views"], recipe="small", download=True, run=fpframe.Run(store=tmp_path / "store", data_root=tmp_path)
        )
    assert asked == [("torchvision:FashionMNIST", tmp_path)]


def test_pages_of_made_up_findings(laboratory: Laboratory, tmp_path: Path) -> None:
    runs = {name: _made_up(name, laboratory.recipe) for name in ("alpha", "beta")}
    for each in runs.values():
        write_reproduction(each, tmp_path)
    text = page(runs["alpha"])
    assert "| a figure | 0.9 | 0.8 | differs: ours is less |" in text
    assert "| none | - | 0.5 | undecided |" in text
    assert "![scores](alpha-scores.svg)" in text
    assert "fpframe reproduce alpha --recipe tiny --dataset folder:x\n" in text
    assert (tmp_path / "alpha-points.csv").read_text() == "name,value\na,0.333333\nb,2\n"
    # what is not a number has no place in JSON
    assert json.loads((tmp_path / "alpha.json").read_text())["data"] == {"nothing": None}
    index = index_page(runs)
    assert "fpframe reproduce alpha beta --recipe tiny --dataset folder:x" in index
    assert "[Title of alpha](alpha.md)" in index
    assert "took 2.0 minutes in this run" in index


def _made_up(name: str, recipe: fpframe.Recipe) -> Reproduction:
    finding = Finding(
        data={"nothing": float("nan")},
        claims=(
            Claim(what="a figure", paper="0.9", ours="0.8", outcome="differs", why="ours is less"),
            Claim(what="none", paper="", ours="0.5", outcome="undecided"),
        ),
        text="What was done.",
        tables={"points": Table(header=("name", "value"), rows=[("a", 1 / 3), ("b", 2)])},
        pictures={"scores": "<svg/>"},
    )
    experiment = Experiment(name=name, section="Z", title=f"Title of {name}", shows="Something.", run=lambda _: finding)
    return Reproduction(
        experiment=experiment,
        finding=finding,
        recipe=recipe,
        options=("--dataset", "folder:x"),
        victim={"address": "paper:arc-e", "accuracy": 0.9},
        seconds=60.0,
        profile={"machine": "x86_64", "cpu_capability": "AVX2", "python": "3.11", "torch": "2.14"},
    )
