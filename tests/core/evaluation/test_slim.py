"""Keeping answers: without weights a comparison is the same, and whatever needs weights says so."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import attrs
import pytest

import fpframe
from fpframe.base import UNFIT
from fpframe.cli import run
from fpframe.comparison.compare_schemes import compare
from fpframe.evaluation import slim as keeping
from fpframe.models.training import Training
from fpframe.recipe.recipe import DerivedGroup, IndependentGroup, Recipe
from fpframe.store.store import Store
from fpframe.zoo import make
from fpframe.zoo.dropped import drop_weights
from fpframe.zoo.keys import model_key
from fpframe.zoo.model import victim_model
from fpframe.zoo.plan import plan_zoo
from fpframe.zoo.zoo import Zoo

#: The recipe's own scheme, one with a reference model in every query, and one that only the later machine asks for.
OWN, REFERENCED, OTHER = "akh", "residual", "random-sign"
INLINE = ["--executor", "inline"]


def mini() -> Recipe:
    """Return a recipe with a dozen models, of every kind that is stored in a way of its own."""
    tiny = Recipe.load("tiny")
    return attrs.evolve(
        tiny,
        name="mini",
        scheme=OWN,
        alpha=0.5,  # one model calibrates each stratum
        training=Training(epochs=4, batch_size=32),
        victim=attrs.evolve(tiny.victim, backbone="paper:arc-b"),
        queries=attrs.evolve(tiny.queries, points=5, views=2, craft_images=50),
        independent=(
            IndependentGroup(stratum="same-data", fit=2, calibrate=1, test=1),
            IndependentGroup(stratum="other-teacher", calibrate=1, test=1, backbones=("paper:arc-b",)),
        ),
        derived=(
            DerivedGroup(attack="extract(soft)", fit=1, test=1, backbones=("paper:arc-b",)),
            # the pruned model, from which another one is made, stands in no split
            DerivedGroup(attack="prune(0.4)->finetune(all, epochs=1)", fit=1, test=1),
            DerivedGroup(attack="jpeg(50)", test=1),
        ),
    )


pytestmark = pytest.mark.usefixtures("few_models")


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    """A store in which `mini` is built with all weights, and `mini.toml` beside it."""
    folder = tmp_path_factory.mktemp("built")
    (folder / "mini.toml").write_text(mini().to_toml())
    plan_zoo(mini(), run=fpframe.Run(store=folder / "home")).build()
    return folder


@pytest.fixture
def here(built, tmp_path, monkeypatch) -> Path:
    """The current folder, with `mini.toml` and a store of its own in which it is built."""
    shutil.copytree(built, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FPFRAME_HOME", str(tmp_path / "home"))
    return tmp_path


def entries(folder: Path) -> dict[str, bytes]:
    """Return the content of every entry in a store."""
    return {path.name: path.read_bytes() for path in sorted((folder / "home").rglob("*.safetensors"))}


def times(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in (folder / "home").rglob("*.*")}


def planned(folder: Path) -> fpframe.ZooPlan:
    return plan_zoo(mini(), run=fpframe.Run(store=folder / "home"))


def compared(folder: Path, *schemes: str) -> fpframe.Comparison:
    return compare(schemes, recipe=mini(), accept_unfit=UNFIT, run=fpframe.Run(store=folder / "home"))


def scores(comparison: fpframe.Comparison) -> list[list[list[float]]]:
    return [outcome.views.tolist() for outcome in comparison.outcomes]


def forbid_weights(monkeypatch) -> None:
    """Let every training, and every loading of a model but the victim, fail the test."""
    load, victim = make.load_model, victim_model(mini())

    def loading(model, workspace):
        assert model.lineage == victim.lineage, f"{model.lineage} was loaded"
        return load(model, workspace)

    monkeypatch.setattr(make, "load_model", loading)
    monkeypatch.setattr("fpframe.zoo.zoo.load_model", loading)
    monkeypatch.setattr(make, "_train", lambda model, workspace: pytest.fail(f"{model.lineage} was trained"))


def complaint(capfd, *arguments: str, code: int) -> str:
    """Run a command that must fail, and return its one line; notes of progress come before it."""
    assert run(arguments) == code
    captured = capfd.readouterr()
    assert captured.out == ""
    [line] = [line for line in captured.err.splitlines() if line.startswith("fpframe: error: ")]
    assert captured.err.rstrip().endswith(line)
    return line


@pytest.mark.slow
def test_a_comparison_without_weights_is_the_one_with_them(here, capfd, monkeypatch):
    before = compared(here, OWN, REFERENCED)
    listed = zoo_list(capfd)
    assert run(["zoo", "build", "mini.toml", "--keep", "answers", "--schemes", REFERENCED, *INLINE]) == 0
    forbid_weights(monkeypatch)
    after = compared(here, OWN, REFERENCED)
    assert scores(after) == scores(before)
    assert after.models == before.models
    assert [each.verdicts for each in after.outcomes] == [each.verdicts for each in before.outcomes]
    assert [each.queries for each in after.costs] == [each.queries for each in before.costs]
    assert zoo_list(capfd) == listed
    assert all(entry.sound for entry in Store(here / "home").verify())


def zoo_list(capfd) -> list[dict[str, object]]:
    capfd.readouterr()
    assert run(["zoo", "list", "mini.toml", "--json"]) == 0
    listed = json.loads(capfd.readouterr().out)
    assert all(row["built"] for row in listed)
    return listed


def test_answers_that_no_comparison_has_asked_for_serve_one_on_a_copied_store(here, tmp_path_factory, monkeypatch):
    keeping.keep_answers(planned(here), [REFERENCED])
    copy = tmp_path_factory.mktemp("another machine")
    shutil.copytree(here / "home", copy / "home")
    shutil.rmtree(here / "home")
    forbid_weights(monkeypatch)
    assert len(compared(copy, OWN, REFERENCED).outcomes) == 4


def test_all_weights_go_but_the_victims_and_what_is_freed_is_said(here, capfd):
    zoo, victim = planned(here), victim_model(mini())
    space = zoo.workspace
    before = {path: path.stat().st_size for path in (here / "home").rglob("*.safetensors")}
    assert run(["zoo", "build", "mini.toml", "--keep", "answers", *INLINE]) == 0
    printed = capfd.readouterr().out
    links = {model_key(link, space): link for model in zoo.models for link in model.chain}
    assert len({link.lineage for link in links.values()} - {model.lineage for model in zoo.models}) == 2, "pruned ones"
    weighty = [link for link in links.values() if "jpeg" not in str(link.lineage)]
    assert not any(make.has_weights(link, space) for link in weighty)
    assert all(make.is_made(link, space) for link in links.values())
    assert make.has_weights(victim, space)
    freed = sum(size - path.stat().st_size for path, size in before.items())
    whole = sum(path.stat().st_size for path in (here / "home").rglob("*.*"))
    assert printed.startswith(
        f"{len(zoo.models)} models are in the store, with their answers and without weights: {len(weighty)} dropped, "
        f"{freed / 2**20:.1f} MiB freed, {whole / 2**20:.1f} MiB in the store, after "
    )
    assert freed > 0.8 * sum(before[space.store.path(model_key(link, space))] for link in weighty)


def test_keeping_answers_again_changes_nothing(here, capfd):
    keeping.keep_answers(planned(here))
    before = times(here)
    assert run(["zoo", "build", "mini.toml", "--keep", "answers", *INLINE]) == 0
    assert ": 0 dropped, 0.0 MiB freed" in capfd.readouterr().out
    assert times(here) == before


def test_weights_come_back_as_they_were_for_the_dropped_models_alone(here, monkeypatch):
    whole = entries(here)
    keeping.keep_answers(planned(here))
    dropped = {name for name, content in entries(here).items() if content != whole.get(name, content)}
    sound = next(model for model in planned(here).models if model.split == "fit")
    path = Store(here / "home").path(model_key(sound, planned(here).workspace))
    path.write_bytes(whole[path.name])
    trained, train = [], make._train
    monkeypatch.setattr(make, "_train", lambda m, space: trained.append(model_key(m, space)) or train(m, space))
    assert run(["zoo", "build", "mini.toml", "--keep", "weights", *INLINE]) == 0
    assert sorted(f"{key}.safetensors" for key in trained) == sorted(dropped - {path.name})
    again = entries(here)
    assert {name: again[name] for name in whole} == whole
    assert planned(here).outlook().dropped == ()


def test_weights_are_what_is_kept_by_default(here):
    before = times(here)
    assert run(["zoo", "build", "mini.toml", *INLINE]) == 0
    assert times(here) == before
    keeping.keep_answers(planned(here))
    assert run(["zoo", "build", "mini.toml", *INLINE]) == 0
    assert planned(here).outlook().dropped == ()


@pytest.mark.slow
@pytest.mark.parametrize("stop", [0, 1, 5])
def test_a_run_that_is_stopped_between_two_models_goes_on(here, monkeypatch, stop):
    before = compared(here, OWN)
    done = []

    def stopping(model, workspace):
        if len(done) == stop:
            raise KeyboardInterrupt
        done.append(model)
        return drop_weights(model, workspace)

    with monkeypatch.context() as patch:
        patch.setattr(keeping, "drop_weights", stopping)
        with pytest.raises(KeyboardInterrupt):
            keeping.keep_answers(planned(here))
    kept = keeping.keep_answers(planned(here))
    space = kept.zoo.workspace
    links = {model_key(link, space) for model in kept.zoo.models for link in model.chain if "jpeg" not in str(link)}
    assert kept.dropped == len(links) - stop
    forbid_weights(monkeypatch)
    assert scores(compared(here, OWN)) == scores(before)


def test_no_weights_go_before_every_answer_is_on_disk(here, monkeypatch):
    whole = entries(here)
    asked = []

    def asking(zoo, model):
        if len(asked) == 15:  # in the midst of the second scheme
            raise KeyboardInterrupt
        asked.append(model)
        return make.query_model(model, zoo.workspace)

    monkeypatch.setattr(Zoo, "query", asking)
    with pytest.raises(KeyboardInterrupt):
        keeping.keep_answers(planned(here), [OTHER])
    kept = entries(here)
    assert {name: kept[name] for name in whole} == whole
    assert len(kept) > len(whole)


def test_what_needs_weights_ends_in_one_line_that_says_how_to_get_them(here, capfd):
    keeping.keep_answers(planned(here))
    capfd.readouterr()
    remedy = "get them back with 'fpframe zoo build RECIPE --keep weights'"
    accepted = [word for code in UNFIT for word in ("--accept-unfit", code)]
    for arguments in (
        ["compare", "--recipe", "mini.toml", "--schemes", OTHER, *accepted],
        ["compare", "--recipe", "mini.toml", "--schemes", REFERENCED, *accepted],
        ["zoo", "build", "mini.toml", "--keep", "answers", "--schemes", OTHER],
        ["zoo", "export", "mini.toml", "--out", "out", "--format", "safetensors"],
    ):
        line = complaint(capfd, *arguments, code=5)
        assert re.search(
            rf"error: the weights of .+ were dropped by 'zoo build --keep answers' \(\w+\); {remedy}$", line
        )
    assert not Path("out").exists()


def test_a_student_of_a_dropped_teacher_needs_the_teacher(here, capfd):
    keeping.keep_answers(planned(here))
    own, taught = mini().independent
    taught = attrs.evolve(taught, backbones=("paper:arc-c",))  # the same teachers have other students
    Path("more.toml").write_text(attrs.evolve(mini(), independent=(own, taught)).to_toml())
    capfd.readouterr()
    line = complaint(capfd, "compare", "--recipe", "more.toml", "--schemes", OWN, "--workers", "1", code=5)
    assert "error: the weights of train[victim] were dropped" in line


def test_an_export_that_lacks_weights_leaves_an_earlier_one_alone(here, capfd):
    export = ["zoo", "export", "mini.toml", "--out", "out", "--format", "safetensors"]
    assert run(export) == 0
    keeping.keep_answers(planned(here))
    before = sorted(Path("out").iterdir())
    capfd.readouterr()
    complaint(capfd, *export, "--force", code=5)
    assert sorted(Path("out").iterdir()) == before


def test_plans_and_lists_count_models_without_weights(here, capfd):
    keeping.keep_answers(planned(here))
    models = planned(here).models
    without = sum("jpeg" not in str(model.lineage) for model in models)
    counted = f"{without} have answers but no weights ('fpframe zoo build RECIPE --keep weights' trains them again)\n"
    capfd.readouterr()
    assert run(["zoo", "plan", "mini.toml"]) == 0
    assert capfd.readouterr().out.endswith(f"{len(models)} models; all of them are in the store; {counted}")
    assert run(["zoo", "list", "mini.toml"]) == 0
    assert capfd.readouterr().out.endswith(f"\n\n{len(models)} models; {counted}")
    assert run(["zoo", "plan", "mini.toml", "--json"]) == 0
    told = json.loads(capfd.readouterr().out)
    assert (told["models"], told["missing"], told["without_weights"]) == (len(models), 0, without)


def test_a_dropped_entry_keeps_what_is_known_of_the_model(here):
    zoo = planned(here)
    student = next(model for model in zoo.models if str(model.lineage) == "victim->extract(soft)[paper:arc-b]")
    store, key = zoo.workspace.store, model_key(student, zoo.workspace)
    whole, beside = store.load(key), store.sidecar(key)
    assert drop_weights(student, zoo.workspace) > 0
    left = store.load(key)
    assert (left.tensors, left.facts) == ({}, {**whole.facts, "weights": "dropped"})
    assert store.sidecar(key) == beside
    assert drop_weights(student, zoo.workspace) == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--keep", "answer"], "--keep takes answers or weights (got 'answer'); did you mean 'answers'?"),
        (["--schemes", OTHER], "--schemes names schemes whose queries are sent; it needs --keep answers"),
        (["--keep", "answers", "--schemes", "akj"], "unknown scheme 'akj'; did you mean 'akh'"),
        (["--keep", "answers", "--splits", "fit", "test"], "('calibrate' is not planned); leave out --splits"),
    ],
)
def test_a_wrong_wish_is_one_line_and_nothing_is_done(here, capfd, arguments, words):
    before = times(here)
    assert words in complaint(capfd, "zoo", "build", "mini.toml", *arguments, code=2)
    assert times(here) == before


def test_answers_through_the_filters_of_a_recipe_are_kept_too(here, capfd, monkeypatch):
    Path("filtered.toml").write_text(attrs.evolve(mini(), filters=("flip(0.5)",)).to_toml())
    assert run(["zoo", "build", "filtered.toml", *INLINE]) == 0
    before = compare([OWN], recipe="filtered.toml", accept_unfit=UNFIT)
    assert run(["zoo", "build", "filtered.toml", "--keep", "answers", *INLINE]) == 0
    forbid_weights(monkeypatch)
    after = compare([OWN], recipe="filtered.toml", accept_unfit=UNFIT)
    assert after.outcomes[0].verdicts == before.outcomes[0].verdicts
