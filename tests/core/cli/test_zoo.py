"""``fpframe zoo``: what is planned is what is built, listed and exported; a mistake is one line."""

from __future__ import annotations

import json
import re
from pathlib import Path

import attrs
import pytest
import torch

import fpframe
from fpframe.cli import run
from fpframe.recipe.recipe import DerivedGroup, IndependentGroup, Recipe

FIELDS = {
    "lineage",
    "exact",
    "backbone",
    "relation",
    "stratum",
    "family",
    "split",
    "built",
    "accuracy",
    "agreement",
    "queries",
    "seconds",
    "failed",
}


def mini() -> Recipe:
    """Return `tiny` with a few models, each trained for one epoch."""
    tiny = Recipe.load("tiny")
    return attrs.evolve(
        tiny,
        name="mini",
        training=attrs.evolve(tiny.training, epochs=1),
        epochs={},
        independent=(
            IndependentGroup(stratum="same-data", fit=1, test=1),
            IndependentGroup(stratum="other-teacher", test=1, backbones=("paper:arc-b",)),
        ),
        derived=(
            DerivedGroup(attack="extract(soft)", fit=1, test=1, backbones=("paper:arc-b",)),
            DerivedGroup(attack="prune(0.4)->finetune(all, epochs=1)", test=1),
            DerivedGroup(attack="jpeg(50)", test=1),
        ),
    )


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    """An empty current folder with `mini.toml`, and an empty store."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FPFRAME_HOME", str(tmp_path / "home"))
    Path("mini.toml").write_text(mini().to_toml())
    return tmp_path


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    """A store in which `mini` is built."""
    folder = tmp_path_factory.mktemp("built")
    (folder / "mini.toml").write_text(mini().to_toml())
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FPFRAME_HOME", str(folder / "home"))
        assert run(["zoo", "build", str(folder / "mini.toml"), "--executor", "inline"]) == 0
    return folder / "home"


@pytest.fixture
def at_home(here, built, monkeypatch) -> Path:
    """The current folder, with the store in which `mini` is built."""
    monkeypatch.setenv("FPFRAME_HOME", str(built))
    return here


def entries(home: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in home.rglob("*.safetensors")}


def printed_json(capfd, *arguments: str):
    assert run([*arguments, "--json"]) == 0
    return json.loads(capfd.readouterr().out)


def complaint(capfd, arguments: list[str], code: int) -> str:
    """Run a command that must fail, and return its one line."""
    assert run(arguments) == code
    captured = capfd.readouterr()
    assert captured.out == ""
    [line] = captured.err.splitlines()
    assert line.startswith("fpframe: error: ")
    return line.removeprefix("fpframe: error: ")


# --- plan


def test_a_plan_counts_models_in_every_split_and_trains_nothing(here, capfd):
    told = printed_json(capfd, "zoo", "plan", "mini.toml", "--workers", "2")
    assert told["counts"] == [
        {"relation": "independent", "stratum": "same-data", "fit": 1, "calibrate": 0, "test": 1},
        {"relation": "derived", "stratum": "extract(soft)", "fit": 1, "calibrate": 0, "test": 1},
        {"relation": "independent", "stratum": "other-teacher", "fit": 0, "calibrate": 0, "test": 1},
        {"relation": "derived", "stratum": "prune(0.4)->finetune(all, epochs=1)", "fit": 0, "calibrate": 0, "test": 1},
        {"relation": "derived", "stratum": "jpeg(50)", "fit": 0, "calibrate": 0, "test": 1},
    ]
    # seven, and a pruned one that is only there to be fine-tuned
    assert (told["models"], told["missing"], told["workers"]) == (7, 8, 2)
    assert told["seconds"] > 0
    assert not entries(here)
    assert sorted(path.name for path in here.iterdir() if path.name != "home") == ["mini.toml"]


def test_a_plan_reads_as_a_table_with_a_line_on_what_is_left_to_do(here, capfd):
    assert run(["zoo", "plan", "mini.toml", "--workers", "1"]) == 0
    out = capfd.readouterr().out
    table, rest = out.rstrip("\n").split("\n\n")
    rows = [line.split() for line in table.splitlines()]
    heading = ["relation", "stratum", "or", "attack", "fit", "calibrate", "test", "to", "train", "core", "minutes"]
    assert rows[0] == heading
    assert ["independent", "same-data", "1", "-", "1", "2", "0.0"] in rows
    assert ["derived", "jpeg(50)", "-", "-", "1", "1", "0.0"] in rows
    assert rows[-1][:5] == ["all", "2", "0", "5", "8"]
    sharing, rest, needs = rest.splitlines()
    assert sharing == (
        "3 independent models serve other victims with the same images and recipe; 3 of them only victims of this "
        "architecture. A further victim costs the 4 that are made from it."
    )
    assert rest.startswith("7 models; 8 are to be trained (1 of them only because others are made from them): about ")
    assert rest.endswith(" seconds with 1 worker(s)")
    assert re.fullmatch(
        r"To be stored: [\d.]+ MiB; memory: about [\d.]+ [MG]iB for each worker; on a GPU: about [\d.e-]+ seconds, for "
        r"[\d.]+e\+\d+ floating-point operations at 10 TFLOP/s \(computed, not measured\)",
        needs,
    )


def test_hours_of_a_gpu_are_told_for_the_speed_that_is_given(here, capfd):
    needs = printed_json(capfd, "zoo", "plan", "mini.toml", "--gpu-tflops", "0.5")["needs"]
    assert needs["gpu_tflops"] == 0.5
    assert needs["gpu_hours"] == pytest.approx(needs["flop"] / 0.5e12 / 3600)
    assert needs["memory_bytes_of_a_worker"] > needs["weights_bytes"] > needs["features_bytes"] == 0


def test_splits_and_strata_can_be_left_out(here, capfd):
    told = printed_json(capfd, "zoo", "plan", "mini.toml", "--splits", "fit")
    assert (told["models"], told["missing"]) == (2, 2)
    told = printed_json(capfd, "zoo", "plan", "mini.toml", "--splits", "fit", "test", "--without", "other-teacher")
    assert told["models"] == 6
    assert "other-teacher" not in {count["stratum"] for count in told["counts"]}


def test_another_seed_is_another_zoo(at_home, capfd):
    assert printed_json(capfd, "zoo", "plan", "mini.toml")["missing"] == 0
    assert printed_json(capfd, "zoo", "plan", "mini.toml", "--seed", "1")["missing"] == 8


# --- build


def test_what_is_built_is_found_by_every_later_command(at_home, built, capfd):
    before = entries(built)
    # the victim, six with weights and the pruned one, each with labels; behind the filter labels alone
    assert len(before) == 2 * 8 + 1
    assert run(["zoo", "plan", "mini.toml"]) == 0
    assert capfd.readouterr().out.endswith("7 models; all of them are in the store\n")
    assert printed_json(capfd, "zoo", "plan", "mini.toml")["seconds"] == 0
    assert run(["zoo", "build", "mini.toml", "--executor", "inline"]) == 0
    assert f"7 models are in the store, after 0.0 minutes ({built}" in capfd.readouterr().out
    assert entries(built) == before


def test_only_what_is_asked_for_is_built_with_a_line_for_each_on_stderr(here, capfd):
    arguments = ["zoo", "build", "mini.toml", "--executor", "inline", "--splits", "fit", "--verbose"]
    assert run(arguments) == 0
    captured = capfd.readouterr()
    *costs, rate, stored = captured.out.splitlines()
    assert [row.split()[0] for row in costs if row] == ["stratum", "same-data", "extract(soft)"]
    assert re.fullmatch(r"2 models trained in 0\.\d minutes(, [\d.]+ a minute)?", rate)
    assert stored.startswith("2 models are in the store, after ")
    for lineage in ("train[victim]: ", "victim->extract(soft)[paper:arc-b]: "):
        assert lineage in captured.err
    listed = printed_json(capfd, "zoo", "list", "mini.toml")
    assert [row["built"] for row in listed] == [row["split"] == "fit" for row in listed]


# --- list


def test_a_list_has_every_field_of_every_model(at_home, capfd, registry):
    listed = printed_json(capfd, "zoo", "list", "mini.toml")
    assert len(listed) == 7
    for row in listed:
        assert set(row) == FIELDS
        assert row["built"] is True
        assert 0 < row["accuracy"] <= 1
        assert 0 < row["agreement"] <= 1
        assert isinstance(row["failed"], bool)
        assert str(fpframe.Lineage.parse(row["exact"], registry)) == row["lineage"]
    found = {row["lineage"]: row for row in listed if row["split"] == "test"}
    assert set(found) == {
        "train[victim]",
        "train[victim]->extract(soft)[paper:arc-b]",
        "victim->extract(soft)[paper:arc-b]",
        "victim->prune(0.4)->finetune(all, epochs=1)",
        "victim->jpeg(50)",
    }
    assert found["train[victim]"]["backbone"] == "paper:arc-e", "its address, for whoever opens an exported file"
    assert found["victim->extract(soft)[paper:arc-b]"]["backbone"] == "paper:arc-b"
    student, teacher = found["train[victim]->extract(soft)[paper:arc-b]"], found["train[victim]"]
    assert (student["relation"], student["stratum"]) == ("independent", "other-teacher")
    assert student["family"] == teacher["family"]
    assert student["queries"] == found["victim->extract(soft)[paper:arc-b]"]["queries"] == 479
    assert teacher["queries"] == found["victim->jpeg(50)"]["queries"] == 0
    assert found["victim->jpeg(50)"]["seconds"] is None
    assert teacher["seconds"] > 0


def test_of_models_that_are_not_built_nothing_is_known(here, capfd):
    listed = printed_json(capfd, "zoo", "list", "mini.toml")
    assert len(listed) == 7
    for row in listed:
        assert set(row) == FIELDS
        assert row["built"] is False
        assert [row[key] for key in ("accuracy", "agreement", "queries", "seconds", "failed")] == [None] * 5
    assert run(["zoo", "list", "mini.toml"]) == 0
    lines = capfd.readouterr().out.splitlines()
    assert len(lines) == 8
    assert all("not built" in line for line in lines[1:])
    assert not entries(here)


def test_a_list_reads_as_a_table(at_home, capfd):
    listed = printed_json(capfd, "zoo", "list", "mini.toml", "--splits", "test")
    assert run(["zoo", "list", "mini.toml", "--splits", "test"]) == 0
    head, *lines = capfd.readouterr().out.splitlines()
    assert head.split()[:7] == ["split", "relation", "stratum", "lineage", "accuracy", "agreement", "queries"]
    for line, row in zip(lines, listed, strict=True):
        for cell in (row["split"], row["relation"], row["lineage"], f"{row['accuracy']:.4f}", row["family"]):
            assert cell in line
        assert ("(failed theft)" in line) == row["failed"]


# --- export


@pytest.mark.slow
@pytest.mark.parametrize(
    ("format", "split", "count"), [("safetensors", "test", 4), ("pt2", "fit", 2), ("onnx", "fit", 2)]
)
def test_exported_models_answer_as_those_of_the_zoo(at_home, capfd, registry, format, split, count):
    arguments = ["zoo", "export", "mini.toml", "--splits", split, "--out", "out"]
    # without the option the format is onnx
    assert run([*arguments, *(["--format", format] if format != "onnx" else [])]) == 0
    assert capfd.readouterr().out == f"out/models.json: {count} models as {format}\n"
    planned = fpframe.plan_zoo("mini.toml", splits=[split])
    zoo = fpframe.Zoo(planned.models, planned.workspace)
    models = {model.lineage.exact: model for model in planned.models}
    listed = json.loads(Path("out/models.json").read_text())
    assert {item["exact"] for item in listed} == {exact for exact in models if "jpeg" not in exact}
    assert sorted(path.name for path in Path("out").iterdir()) == sorted(
        ["models.json", *(item["file"] for item in listed)]
    )
    pixels = planned.workspace.dataset.test.pixels[:40]
    for item in listed:
        weights = {"backbone": item["backbone"]} if format == "safetensors" else {"outputs": "logits"}
        suspect = fpframe.open_suspect(
            f"out/{item['file']}",
            registry=registry,
            num_classes=10,
            image_shape=(1, 8, 8),
            trust_code=format == "pt2",
            **weights,
        )
        torch.testing.assert_close(suspect(pixels), zoo.query(models[item["exact"]])(pixels), atol=1e-5, rtol=0)


def test_an_export_is_overwritten_by_force_alone(at_home, capfd):
    arguments = ["zoo", "export", "mini.toml", "--splits", "fit", "--format", "safetensors", "--out", "out"]
    assert run(arguments) == 0
    capfd.readouterr()
    first = {path.name: path.read_bytes() for path in Path("out").iterdir()}
    changed = Path("out") / next(name for name in first if name.endswith(".safetensors"))
    changed.write_text("mine")
    assert "exists already (out); choose another --out, or overwrite an export with --force" in complaint(
        capfd, arguments, 2
    )
    assert changed.read_text() == "mine"
    assert run([*arguments, "--force"]) == 0
    assert {path.name: path.read_bytes() for path in Path("out").iterdir()} == first


def test_an_export_in_another_format_leaves_nothing_of_the_one_before_and_spares_what_is_no_export(at_home, capfd):
    arguments = ["zoo", "export", "mini.toml", "--splits", "fit", "--out", "out", "--format"]
    assert run([*arguments, "safetensors"]) == 0
    assert run([*arguments, "pt2", "--force"]) == 0
    assert {path.suffix for path in Path("out").iterdir()} == {".pt2", ".json"}
    Path("out/models.json").write_text("mine")
    capfd.readouterr()
    assert "was not written by an export" in complaint(capfd, [*arguments, "pt2", "--force"], 2)
    assert Path("out/models.json").read_text() == "mine"


def test_models_that_are_not_built_are_not_exported(here, capfd):
    said = complaint(capfd, ["zoo", "export", "mini.toml", "--out", "out"], 2)
    assert "6 of 6 models are not built, such as train[victim]; run 'fpframe zoo build' first" in said
    assert not Path("out").exists()


# --- mistakes


@pytest.mark.parametrize("command", ["plan", "build", "list", "export"])
@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["tinny"], 2, "did you mean 'tiny'"),
        (["none.toml"], 2, "No such file"),
        (["certify"], 2, "name it, as in certify:other-teacher"),
        (["quick"], 2, "--data-root"),
        (["mini.toml", "--splits", "tests"], 2, "unknown split 'tests'; did you mean 'test'?"),
        (["mini.toml", "--without", "same-date"], 2, "unknown stratum 'same-date'; did you mean 'same-data'?"),
        (["mini.toml", "--without", "same-data"], 2, "other-teacher models but has no"),
        (["mini.toml", "--weights", "w.safetensors"], 2, "--victim"),
        (["mini.toml", "--victim", "paper:arc-a"], 3, "without weights"),
        (["mini.toml", "--victim", "paper:arc-a", "--weights", "w.pt"], 3, "w.pt"),
        (["mini.toml", "--victim-indices", "seen.npy"], 3, "seen.npy"),
        (["mini.toml", "--mean", "a,b"], 2, "--mean takes numbers"),
        (["mini.toml", "--seed", "x"], 2, "seed"),
        (["attack.toml"], 2, "unknown attack or filter 'prunne'; did you mean 'prune'?"),
        (["twins.toml"], 2, "nothing in 'prune(0.4)' is random"),
        (["ranges.toml"], 2, "'ratio' of 'prune' must be"),
        (["grammar.toml"], 2, "')' is missing after '(0.4'"),
    ],
)
def test_a_wrong_zoo_ends_in_one_clear_line_and_leaves_nothing(here, capfd, command, arguments, code, message):
    for name, attack in (("attack", "prunne"), ("ranges", "prune(2)"), ("grammar", "prune(0.4"), ("twins", "prune")):
        group = DerivedGroup(attack=attack, fit=1 + (name == "twins"))
        Path(f"{name}.toml").write_text(attrs.evolve(mini(), derived=(group,)).to_toml())
    options = ["--out", "out"] if command == "export" else []
    assert message in complaint(capfd, ["zoo", command, *arguments, *options], code)
    assert not entries(here)
    assert not Path("out").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["zoo", "build", "mini.toml", "--executor", "process"], 2, "no executor 'process'; did you mean 'processes'?"),
        (["zoo", "build", "mini.toml", "--workers", "0"], 2, "--workers must be at least 1 (got 0)"),
        (["zoo", "plan", "mini.toml", "--workers", "-1"], 2, "--workers must be at least 1 (got -1)"),
        (["zoo", "build", "mini.toml", "--executor", "inline", "--address", "auto"], 2, "is for the executor 'ray'"),
        (["zoo", "build", "mini.toml", "--gpus", "1"], 2, "'gpus' is for the executor 'ray' or 'slurm'"),
        (["zoo", "build", "mini.toml", "--partition", "long"], 2, "'partition' is for the executor 'slurm'"),
        (["zoo", "plan", "mini.toml", "--gpu-tflops", "0"], 2, "--gpu-tflops must be above 0 and finite (got 0)"),
        (["zoo", "export", "mini.toml"], 2, "--out"),
        (["zoo", "plan"], 2, "recipe"),
        (["zoo", "plans", "mini.toml"], 2, "plan"),
    ],
)
def test_a_wrong_option_ends_in_one_clear_line(here, capfd, arguments, code, message):
    assert message in complaint(capfd, arguments, code)
    assert not entries(here)


def test_an_unknown_format_is_refused(at_home, capfd):
    arguments = ["zoo", "export", "mini.toml", "--out", "out", "--format", "onxx"]
    assert "unknown format 'onxx'; did you mean 'onnx'?" in complaint(capfd, arguments, 2)
    assert not Path("out").exists()


def test_help_tells_what_each_command_does(capfd):
    assert run(["zoo", "--help"]) == 0
    out = capfd.readouterr().out
    assert all(command in out for command in ("plan", "build", "list", "export"))
    assert run(["zoo", "build", "--help"]) == 0
    assert "--victim-indices" in capfd.readouterr().out
