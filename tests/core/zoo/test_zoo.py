"""The zoo: nothing is trained twice, nothing damaged is used, and the victim is never touched."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import attrs
import numpy as np
import pytest
import torch
from PIL import Image

import fpframe
from fpframe.errors import IntegrityError, ModelError, UsageError
from fpframe.evaluation.records import HeldOut, by_kind
from fpframe.executors import open_executor
from fpframe.interfaces.attack import AttackSimulator
from fpframe.models.classifier import state_digest
from fpframe.recipe.recipe import IndependentGroup, Recipe
from fpframe.recipe.run import Run
from fpframe.registry.hookspecs import hookimpl
from fpframe.registry.registry import Registry
from fpframe.registry.strata import STRATA
from fpframe.rng import threads
from fpframe.store.store import Store
from fpframe.zoo.build import build_models, missing_models
from fpframe.zoo.estimate import expected_seconds
from fpframe.zoo.keys import labels_key, model_key
from fpframe.zoo.make import is_made, load_model, make_model, query_model
from fpframe.zoo.model import victim_model
from fpframe.zoo.outlook import Outlook
from fpframe.zoo.planner import plan_models
from fpframe.zoo.rows import zoo_rows
from fpframe.zoo.workspace import VictimHandle
from fpframe.zoo.zoo import Facts, Zoo
from fpframe_plugins.attacks._pairs import Pair
from smallzoo import ONCE, STUDENT, model_of

#: Those of ART need the library, and are tried with it in tests/adapters.
ATTACKS = [name for name in fpframe.load_registry().names("attack") if not name.startswith("art-")]
#: The attacks as they are tried here; one of them takes its time by default.
TRIED = {name: name for name in ATTACKS} | {"fingerprint-aware": "fingerprint-aware(rounds=1)"}


@pytest.fixture
def recipe() -> Recipe:
    full = Recipe.load("tiny")
    return attrs.evolve(full, training=attrs.evolve(full.training, epochs=1))


def on_test(query, workspace) -> torch.Tensor:
    with threads(1):
        return query(workspace.dataset.test.pixels)


# --- built once


def test_a_zoo_is_trained_once_and_found_again(recipe, workspace, registry):
    plan = plan_models(recipe, registry, splits=("test",))[:6]
    made, again = [], []
    build_models(plan, workspace, Run(on_event=made.append))
    build_models(plan, workspace, Run(on_event=again.append))
    assert [(event.done, event.total) for event in made if event.kind == "step"] == [(n, 6) for n in range(1, 7)]
    details = [event.text for event in made if event.kind == "detail"]
    assert [text.rpartition(": ")[0] for text in details] == [str(model.lineage) for model in plan]
    assert not again


def test_an_interrupted_build_goes_on_where_it_was(recipe, workspace, registry):
    plan = plan_models(recipe, registry, splits=("test",))[:5]

    def interrupt(event):
        if event.kind == "step" and event.done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_models(plan, workspace, Run(on_event=interrupt))
    assert missing_models(plan, workspace) == plan[2:]


def test_a_damaged_model_is_trained_again_to_the_same_bytes(recipe, workspace, registry):
    [model] = plan_models(recipe, registry, splits=("fit",))[:1]
    key = make_model(model, workspace)
    path = workspace.store.path(key)
    good = path.read_bytes()
    path.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
    make_model(model, workspace)
    assert path.read_bytes() == good
    assert path.with_suffix(".damaged").exists()


@pytest.mark.parametrize(
    "damage", [lambda good: good[:-1] + bytes([good[-1] ^ 1]), lambda good: b""], ids=["bit", "cut"]
)
def test_whatever_is_damaged_is_mended_within_one_run(workspace, model, damage):
    models = [model("prune(0.4)[seed=5]->finetune(all, epochs=1)"), model("prune->jpeg"), model(f"train[{STUDENT}]")]

    def run() -> tuple[list[torch.Tensor], list[Facts]]:
        zoo = build_models(models, workspace)
        asked = [on_test(zoo.query(one), workspace) for one in models]
        facts = [attrs.evolve(zoo.facts(one), seconds=None) for one in models]
        return asked, facts

    before, facts = run()
    good = {path: path.read_bytes() for path in workspace.store.models.rglob("*.safetensors")}
    assert len(good) >= 8
    for path, content in good.items():
        path.write_bytes(damage(content))
    after, again = run()
    assert again == facts
    assert all(torch.equal(*pair) for pair in zip(before, after, strict=True))
    assert {path: path.read_bytes() for path in workspace.store.models.rglob("*.safetensors")} == good
    aside = set(workspace.store.models.rglob("*.damaged"))
    assert aside
    assert aside <= {path.with_suffix(".damaged") for path in good}, "what was made again before it was read is not"


def test_a_students_teacher_is_trained_first_even_if_only_the_student_is_asked_for(recipe, workspace, registry):
    student = next(m for m in plan_models(recipe, registry) if m.stratum == "other-teacher")
    build_models([student], workspace)
    assert workspace.store.has(model_key(student.parent, workspace))


def test_what_two_models_are_made_from_is_built_once_and_kept(workspace, model):
    one = model("prune(0.4)[seed=5]->finetune(all, epochs=1)[seed=1]")
    two = model("prune(0.4)[seed=5]->finetune(last, epochs=1)[seed=2]")
    assert one.parent.lineage == two.parent.lineage
    assert len(missing_models([one, two], workspace)) == 3
    made = []
    build_models([one, two], workspace, Run(on_event=made.append))
    told = [event.text.rpartition(":")[0] for event in made if event.kind == "detail"]
    assert told.count("victim->prune(0.4)") == 1
    assert len(told) == 3
    assert told.index("victim->prune(0.4)") == 0
    assert not missing_models([one.parent], workspace)


def test_without_a_victim_whatever_is_made_from_it_is_missing(workspace, model):
    independent, derived = model(f"train[{STUDENT}]"), model("prune->jpeg")
    build_models([independent, derived], workspace)
    assert missing_models([independent, derived], workspace) == []
    workspace.victim, workspace.victim_backbone = None, STUDENT
    assert missing_models([independent, derived], workspace) == [derived.parent, derived]
    with pytest.raises(ModelError, match="needs a victim"):
        make_model(derived, workspace)


def test_the_outlook_tells_models_from_what_they_are_made_from(workspace, model):
    models = [model(f"train[{STUDENT}]", stratum="same-data"), model("prune->finetune")]
    build_models(models[:1], workspace)
    outlook = Outlook.of(models, workspace)
    assert (len(outlook.models), len(outlook.missing)) == (2, 2)
    assert outlook.missing == (models[1].parent, models[1])
    assert outlook.seconds > 0
    assert outlook.counts() == {
        ("independent", "same-data"): {"test": 1},
        ("derived", "prune->finetune"): {"test": 1},
    }
    assert Outlook.of(models[:1], workspace).seconds == 0


def test_rows_tell_what_is_built_and_what_is_not(workspace, model):
    models = [model(f"train[{STUDENT}, seed=4]", stratum="same-data", family="f"), model("prune")]
    zoo = build_models(models[:1], workspace)
    built, missing = zoo_rows(models, workspace)
    assert built.facts == zoo.facts(models[0])
    assert missing.facts is None
    assert (built.lineage, built.exact) == (f"train[{STUDENT}]", f"train[{STUDENT}, data=victim, seed=4]")
    assert (built.backbone, missing.backbone) == (STUDENT, STUDENT)
    assert (built.relation, built.stratum, built.family, built.split) == ("independent", "same-data", "f", "test")


@pytest.mark.parametrize("damage", ["removed", "changed"])
def test_a_model_that_is_not_in_the_store_is_named(workspace, model, damage):
    plan = model("prune->quantize")
    make_model(plan.parent, workspace)
    make_model(plan, workspace)
    path = workspace.store.path(model_key(plan, workspace))
    path.unlink() if damage == "removed" else path.write_bytes(b"damaged")
    with pytest.raises(IntegrityError, match=r"victim->prune\(0.4\)->quantize\(int8\) is missing from the store"):
        load_model(plan, workspace)


@pytest.mark.slow
def test_inline_and_worker_processes_store_the_same_bytes(workspace, model, tmp_path, monkeypatch):
    opened = []

    def opening(name, **options):
        opened.append((name, options["workers"]))
        return open_executor(name, **options)

    monkeypatch.setattr("fpframe.zoo.remembering.open_executor", opening)
    texts = [
        f"train[paper:arc-b, seed=1]->extract-noise(soft)[{STUDENT}, seed=2]->input-noise[seed=3]",
        "prune(0.4)[seed=4]->finetune(all, epochs=1)[seed=5]->weight-noise[seed=6]",
        "jpeg(50)[seed=7]",
        f"extract(soft)[{STUDENT}, seed=8]->round(1)[seed=9]->top1[seed=10]",
        f"answer-noise[seed=11]->extract(top1)[{STUDENT}, seed=12]",
    ]
    plan = [model(text) for text in texts]
    stores = []
    for workers in (1, 2):
        space = attrs.evolve(workspace, store=Store(tmp_path / f"{workers}"))
        zoo = build_models(plan, space, Run(workers=workers))
        assert all(zoo.facts(each).accuracy > 0 for each in plan)
        root = space.store.root
        stores.append({p.relative_to(root): p.read_bytes() for p in root.rglob("*.safetensors")})
    assert opened == [("inline", 1), ("processes", 2)]
    assert stores[0] == stores[1]
    # trained: 2 + 3 + 0 + 1 + 1, each with its labels; filtered, which are labels alone: 1 + 0 + 1 + 2 + 1
    assert len(stores[0]) == 2 * 7 + 5


# --- keys


@pytest.fixture
def foreign(tmp_path):
    """Write a folder of images, each of one brightness, that is called `folder:foreign`."""

    def write(brightness: int) -> None:
        for name in ("a", "b"):
            folder = tmp_path / "foreign" / "train" / name
            for path in (folder, tmp_path / "foreign" / "test" / name):
                path.mkdir(parents=True, exist_ok=True)
                for index in range(10):
                    Image.fromarray(np.full((8, 8), brightness + index, dtype=np.uint8)).save(path / f"{index}.png")

    return write


def test_whatever_changes_the_weights_changes_the_key(workspace, model, foreign):
    foreign(10)
    variants = [
        f"train[{STUDENT}]",
        f"train[{STUDENT}, seed=1]",
        f"train[{STUDENT}, data=thief]",
        f"train[{STUDENT}, data=overlap:0.5]",
        f"train[{STUDENT}, data=overlap:0.25]",
        "train[paper:arc-b]",
        "prune(0.4)",
        "prune(0.5)",
        "quantize",
        "prune(0.4)[data=pool]",
        f"train[{STUDENT}]->prune(0.4)",
        f"train[{STUDENT}, seed=1]->prune(0.4)",
        "prune(0.4)->finetune(all)",
        "prune(0.4)->finetune(all)[seed=1]",
        "prune(0.5)->finetune(all)",
        "finetune(all)->prune(0.4)",
        "finetune(all)",
        "finetune(last)",
        "finetune(all, learning_rate=0.1)",
        f"extract(soft)[{STUDENT}]",
        f"extract(top1)[{STUDENT}]",
        f"extract(soft, budget=50)[{STUDENT}]",
        "extract(soft)[paper:arc-b]",
        f"train[{STUDENT}]->extract(soft)[{STUDENT}]",
        f"labels->extract(soft)[{STUDENT}]",
        f"round(2)->extract(soft)[{STUDENT}]",
        f"round(1)->extract(soft)[{STUDENT}]",
        f"knockoff(soft)[{STUDENT}]",
        f"knockoff(soft, pool=digits)[{STUDENT}]",
        f"knockoff(soft, pool=folder:foreign)[{STUDENT}]",
        "round(2)",
        "round(1)",
        "input-noise",
        "input-noise[seed=1]",
        "round(2)->top1",
        "top1->round(2)",
    ]
    keys = [model_key(model(text), workspace) for text in variants]
    changed = attrs.evolve(ONCE, learning_rate=1e-4)
    trained = [text for text in variants if "train[" in text or "extract" in text or "finetune" in text]
    keys += [model_key(model(text, training=changed), workspace) for text in trained]
    assert len(set(keys)) == len(keys)


def test_the_images_of_a_foreign_pool_are_part_of_the_key(workspace, model, foreign):
    stolen = model(f"knockoff(soft, pool=folder:foreign)[{STUDENT}]")
    keys = []
    for brightness in (10, 11, 10):
        foreign(brightness)
        keys.append(model_key(stolen, attrs.evolve(workspace)))
    assert keys[0] == keys[2] != keys[1]


@pytest.mark.parametrize(("attribute", "value"), [("revision", 99), ("__module__", "of_a_stranger.plugin")])
@pytest.mark.parametrize(
    ("kind", "name", "texts"),
    [
        ("attack", "prune", ["prune", "prune->finetune", f"prune->extract[{STUDENT}]", "prune->round"]),
        ("attack", "extract", [f"extract[{STUDENT}]", f"labels->extract[{STUDENT}]->round"]),
        ("filter", "round", ["round", f"round->extract[{STUDENT}]"]),
        ("backbone", "paper", [f"train[{STUDENT}]", "train[victim]->prune", f"extract[{STUDENT}]", "extract[victim]"]),
    ],
)
def test_another_revision_or_package_of_a_component_changes_the_keys_of_all_that_it_has_a_part_in(
    workspace, model, monkeypatch, kind, name, texts, attribute, value
):
    others = [text for text in ("finetune", "jpeg") if kind != "backbone"]
    before = [model_key(model(text), workspace) for text in [*texts, *others]]
    monkeypatch.setattr(workspace.registry.get(kind, name), attribute, value)
    after = [model_key(model(text), workspace) for text in [*texts, *others]]
    assert [a == b for a, b in zip(before, after, strict=True)] == [False] * len(texts) + [True] * len(others)


def test_a_new_revision_of_the_training_loop_changes_the_keys_of_all_that_it_trains(workspace, model, monkeypatch):
    plans = [model(text) for text in (f"train[{STUDENT}]", "finetune", f"extract[{STUDENT}]->round")]
    before = [model_key(plan, workspace) for plan in plans]
    monkeypatch.setattr("fpframe.zoo.keys.REVISION", 99)
    assert not set(before) & {model_key(plan, workspace) for plan in plans}


def test_the_role_of_a_model_is_not_part_of_its_key(recipe, workspace, registry):
    for model in plan_models(recipe, registry, splits=["test"]):
        moved = attrs.evolve(model, split="fit", stratum="other", family="other", relation="independent")
        assert model_key(model, workspace) == model_key(moved, workspace)


def test_the_victims_architecture_is_one_key_by_whatever_name(workspace, model):
    for text in ("train[{}]", "extract(soft)[{}]", "train[{}]->prune"):
        named, resolved = (model_key(model(text.format(name)), workspace) for name in ("victim", STUDENT))
        assert named == resolved


def test_every_model_of_a_plan_has_a_key_of_its_own(recipe, workspace, registry):
    models = plan_models(recipe, registry)
    assert len({model_key(model, workspace) for model in models}) == len(models)


def test_independent_models_do_not_depend_on_the_victims_weights_and_derived_ones_do(recipe, workspace, registry):
    overlapping = IndependentGroup(stratum="overlap(0.5)", test=1)
    plan = plan_models(attrs.evolve(recipe, independent=(*recipe.independent, overlapping)), registry, splits=["test"])
    assert {model.stratum for model in plan} > {*STRATA, "overlap(0.5)", "quantize(int8)"}
    filtered = model_of("round(2)", registry)
    before = [model_key(model, workspace) for model in [*plan, filtered]]
    other = workspace.build(STUDENT, seed=2)
    workspace.victim = VictimHandle.of(other, workspace.parts, backbone=STUDENT)
    after = [model_key(model, workspace) for model in [*plan, filtered]]
    same = [a == b for a, b in zip(before, after, strict=True)]
    assert same == [model.relation == "independent" for model in [*plan, filtered]]


def test_a_victim_with_equal_weights_but_another_normalisation_is_another_victim(workspace):
    victim = workspace.victim.classifier
    shifted = type(victim)(victim.module, num_classes=10, image_shape=(1, 8, 8), mean=(0.5,), std=(0.5,))
    assert VictimHandle.of(shifted, workspace.parts, backbone=STUDENT).key != workspace.victim.key


# --- attacks


@pytest.mark.parametrize("name", ATTACKS)
def test_a_thief_leaves_the_victim_untouched_and_what_it_did_and_asked_is_known(workspace, model, name):
    victim = workspace.victim.classifier
    before = state_digest(victim)
    holds_weights = workspace.registry.get("attack", name).access == "weights"
    plan = model(f"{TRIED[name]}[seed=3]" if holds_weights else f"{TRIED[name]}[{STUDENT}, seed=3]")
    asked = []
    hook = victim.module.register_forward_pre_hook(lambda module, images: asked.append(images[0].shape[0]))
    zoo = build_models([plan], workspace)
    hook.remove()

    assert state_digest(victim) == before
    assert all(weight.requires_grad and weight.grad is None for weight in victim.parameters())
    assert not victim.training
    facts, stolen, test = zoo.facts(plan), zoo.load(plan), workspace.dataset.test
    # a thief with the weights works on a copy, which takes the hook along: what that does is no question
    assert facts.queries == (0 if holds_weights else sum(asked))
    assert holds_weights or facts.queries >= len(workspace.parts.thief)
    labels = on_test(stolen.as_query(), workspace).argmax(1)
    assert (
        facts.accuracy == zoo.accuracy(plan) == pytest.approx(float((labels == test.labels).float().mean()), abs=1e-6)
    )
    own = on_test(victim.as_query(), workspace).argmax(1)
    assert facts.agreement == pytest.approx(float((labels == own).float().mean()), abs=1e-6)
    assert facts.seconds > 0
    assert facts.failed == (facts.accuracy < round(float((own == test.labels).float().mean()) - 0.05, 6))
    assert state_digest(stolen) != before
    assert not stolen.training


@pytest.mark.parametrize(
    "name", [name for name in ATTACKS if fpframe.load_registry().get("attack", name).access == "weights"]
)
def test_an_attack_on_weights_is_done_to_an_independent_model_as_well(workspace, model, name):
    plan = model(f"train[paper:arc-b, seed=2]->{TRIED[name]}[seed=3]")
    zoo = build_models([plan], workspace)
    base, attacked = zoo.load(plan.parent), zoo.load(plan)
    pair = isinstance(attacked.module, Pair)
    copy = attacked.module.stolen if pair else attacked
    if name != "quantize-static":  # which makes another kind of network
        assert pair == workspace.registry.get("attack", name).companion
        assert str(copy.module) == str(base.module) != str(workspace.victim.classifier.module)
    assert not pair or str(attacked.module.own.module) == str(base.module), "the base's architecture, twice"
    assert state_digest(attacked) != state_digest(base)
    agreement = on_test(attacked.as_query(), workspace).argmax(1) == on_test(base.as_query(), workspace).argmax(1)
    assert zoo.facts(plan).queries == 0
    assert not zoo.facts(plan).failed, "only a theft can fail"
    if name in ("prune", "quantize", "quantize-static", "weight-noise"):
        assert agreement.float().mean() > 0.5, "it was done to that model, and not to a fresh one"


def test_queries_are_counted_along_the_chain(workspace, model):
    plan = model(f"extract(soft, budget=50)[{STUDENT}]->finetune(all, epochs=1)->extract(soft, budget=30)[{STUDENT}]")
    zoo = build_models([plan, plan.parent], workspace)
    assert [zoo.facts(each).queries for each in (plan.parent, plan)] == [50, 80]


@pytest.mark.parametrize("name", ["extract", "extract-noise", "extract-adversarial", "extract-jacobian", "knockoff"])
def test_imitators_ask_nobody(workspace, model, name):
    def refuse(module, images):
        raise AssertionError("the victim was asked")

    plan = model(f"labels->{name}[{STUDENT}]")
    hook = workspace.victim.classifier.module.register_forward_pre_hook(refuse)
    try:
        make_model(plan, workspace)
    finally:
        hook.remove()
    assert workspace.store.load(model_key(plan, workspace)).facts["queries"] == 0


def test_loading_gives_the_trained_network(recipe, workspace):
    model = victim_model(recipe)
    zoo = build_models([model], workspace)
    classifier, test = load_model(model, workspace), workspace.dataset.test
    assert classifier.accuracy(test.pixels, test.labels) == pytest.approx(zoo.accuracy(model), abs=1e-6)
    assert not classifier.training


def test_what_is_stored_tells_how_it_came_to_be(workspace, model):
    plan = model("train[victim, seed=4]->prune(0.3)[seed=5]")
    build_models([plan], workspace)
    facts = workspace.store.load(model_key(plan, workspace)).facts
    assert facts["lineage"] == f"train[{STUDENT}, data=victim, seed=4]->prune(0.3)[data=thief, seed=5]"


def test_a_foreign_pool_is_asked_in_the_size_of_the_victims_images(workspace, model, foreign):
    foreign(10)
    zoo = build_models([plan := model(f"knockoff(soft, pool=folder:foreign)[{STUDENT}]")], workspace)
    assert zoo.facts(plan).queries == 20


# --- answer filters


def test_a_filtered_model_has_labels_and_no_weights_and_is_asked_through_its_filter(workspace, model):
    plan = model("round(1)")
    assert not is_made(plan, workspace)
    zoo = build_models([plan], workspace)
    assert is_made(plan, workspace)
    assert workspace.store.has(labels_key(plan, workspace))
    assert not workspace.store.has(model_key(plan, workspace))
    plain = on_test(workspace.victim.classifier.as_query(), workspace)
    answers = on_test(zoo.query(plan), workspace)
    assert torch.equal(
        answers,
        on_test(
            workspace.registry.create("filter", "round", decimals=1).wrap(
                workspace.victim.classifier.as_query(), seed=0
            ),
            workspace,
        ),
    )
    assert not torch.equal(answers, plain)
    assert state_digest(zoo.load(plan)) == state_digest(workspace.victim.classifier)
    facts = zoo.facts(plan)
    assert (facts.queries, facts.seconds) == (0, None)
    right = (answers.argmax(1) == workspace.dataset.test.labels).float().mean()
    assert facts.accuracy == pytest.approx(float(right), abs=1e-6)


def test_filters_are_wrapped_around_each_other_in_the_order_of_the_lineage(workspace, model):
    plan = model(f"extract(soft)[{STUDENT}]->jpeg(30)->round(1)->top1")
    zoo = build_models([plan], workspace)
    query = zoo.load(plan).as_query()
    assert zoo.query(plan.parent.parent).address == f"{query.address}|jpeg(quality=30)"
    for name, params in (("jpeg", {"quality": 30}), ("round", {"decimals": 1}), ("top1", {})):
        query = workspace.registry.create("filter", name, **params).wrap(query, seed=0)
    assert torch.equal(on_test(zoo.query(plan), workspace), on_test(query, workspace))
    assert zoo.query(plan).address == query.address
    assert zoo.query(plan).channel == "top1"


def test_a_filter_draws_by_the_seed_of_its_step(workspace, model):
    first, again, other = (
        on_test(query_model(model(f"answer-noise[seed={s}]"), workspace), workspace) for s in (1, 1, 2)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


# --- failed thefts


def test_a_student_that_learned_nothing_is_a_failed_theft(workspace, model):
    failed, fine = model(f"extract(soft, budget=2)[{STUDENT}]"), model("quantize(fp16)")
    innocent = model(f"labels->extract(soft, budget=2)[{STUDENT}]")
    zoo = build_models([failed, fine, innocent], workspace)
    assert [zoo.facts(each).failed for each in (failed, fine, innocent)] == [True, False, False]
    assert zoo.facts(innocent).accuracy < zoo.facts(fine).accuracy - 0.05


@pytest.mark.parametrize(("lost", "failed"), [(-3, False), (0, False), (10, False), (11, True), (100, True)])
def test_a_theft_has_failed_when_it_costs_more_than_five_points(workspace, model, lost, failed):
    plan = model("prune")
    truth = workspace.dataset.test.labels
    own = on_test(workspace.victim.classifier.as_query(), workspace).argmax(1)
    right = int((own == truth).sum()) - lost
    labels = torch.where(torch.arange(len(truth)) < right, truth, (truth + 1) % 10)
    assert len(truth) == 200, "of which five points are ten"
    workspace.store.save(labels_key(plan, workspace), {"labels": labels.int()}, {}, sidecar={})
    workspace.store.save(model_key(plan, workspace), {}, {"queries": 0}, sidecar={})
    assert Zoo((plan,), workspace).facts(plan).failed is failed


def test_failed_thefts_are_shown_apart_and_are_none_of_all_thefts(model):
    def suspect(text, *, failed=False):
        facts = Facts(accuracy=0.5, agreement=0.5, queries=0, seconds=None, failed=failed)
        return HeldOut(
            model=model(text),
            facts=facts,
            verdict=None,
            view_scores=(),
            others={},
            embeddings=torch.zeros(1),
            seconds=0.0,
        )

    one, two, three = suspect("prune"), suspect("prune(0.9)"), suspect("prune(0.99)", failed=True)
    groups = by_kind([one, two, three], "derived")
    assert groups == {
        "prune": [one],
        "prune(0.9)": [two],
        "all derived": [one, two],
        "failed thefts": [three],
    }
    assert list(by_kind([one, two], "derived")) == ["prune", "prune(0.9)", "all derived"]
    assert by_kind([three], "derived") == {"failed thefts": [three]}


# --- other processes


def test_plugins_that_are_not_installed_cannot_be_sent_to_worker_processes(workspace):
    workspace.registry = Registry([])
    with pytest.raises(UsageError, match="one worker"):
        workspace.pickled()


def test_a_victim_that_cannot_be_pickled_is_a_clear_error(workspace, trained_victim):
    class Local(torch.nn.Module):
        pass

    trained_victim.module.extra = Local()
    try:
        with pytest.raises(UsageError, match="use one worker"):
            workspace.pickled()
    finally:
        del trained_victim.module.extra


# --- attacks of others


class Thinning(AttackSimulator):
    """Halve every weight: an attack that holds the weights."""

    name = "thinning"
    access = "weights"

    def simulate(self, student, teacher, data, *, context, seed):
        assert teacher is None
        with torch.no_grad():
            for weight in student.parameters():
                weight.mul_(0.5)
        return student


class Peeking(AttackSimulator):
    """Note what a thief that sees labels only is shown."""

    name = "peeking"
    access = "labels"
    shown: ClassVar[list[torch.Tensor]] = []

    def simulate(self, student, teacher, data, *, context, seed):
        self.shown.append(teacher(data.pixels[:20]))
        return student


class Asking(AttackSimulator):
    """Note what a thief that sees probabilities is shown."""

    name = "asking"
    access = "probs"
    shown: ClassVar[list[torch.Tensor]] = []

    def simulate(self, student, teacher, data, *, context, seed):
        self.shown.append(teacher(data.pixels[:20]))
        return student


@pytest.fixture
def with_attacks(workspace):
    """Offer other attacks, and the filter `round` besides."""

    def offer(*attacks: type[AttackSimulator]) -> Registry:
        kept = [workspace.registry.get("backbone", "paper"), workspace.registry.get("filter", "round")]
        kept += map(attrs.frozen(kw_only=True), attacks)
        plugin = type("plugin", (), {"fpframe_components": staticmethod(hookimpl(lambda: kept))})
        workspace.registry = Registry([plugin])
        return workspace.registry

    return offer


def test_a_thief_with_the_weights_starts_from_a_copy_and_leaves_the_victim_alone(workspace, with_attacks):
    stolen = model_of("thinning", with_attacks(Thinning))
    victim = workspace.victim.classifier
    before = state_digest(victim)
    make_model(stolen, workspace)
    thin = load_model(stolen, workspace)
    assert state_digest(victim) == before
    for ours, theirs in zip(victim.parameters(), thin.parameters(), strict=True):
        assert torch.equal(ours * 0.5, theirs)


def test_a_thief_that_sees_labels_is_shown_nothing_else(workspace, with_attacks):
    make_model(model_of(f"peeking[{STUDENT}]", with_attacks(Peeking)), workspace)
    [shown] = Peeking.shown
    assert torch.equal(shown, torch.nn.functional.one_hot(shown.argmax(1), 10).float())


def test_a_thief_of_a_defended_victim_is_shown_what_the_filter_lets_through(workspace, with_attacks):
    stolen = model_of(f"round(1)->asking[{STUDENT}]", with_attacks(Asking))
    build_models([stolen], workspace)
    [shown] = Asking.shown
    plain = workspace.victim.classifier.as_query()(workspace.parts.thief.pixels[:20])
    assert torch.equal(
        shown,
        workspace.registry.create("filter", "round", decimals=1).wrap(workspace.victim.classifier.as_query(), seed=0)(
            workspace.parts.thief.pixels[:20]
        ),
    )
    assert not torch.equal(shown, plain)
    assert workspace.store.load(model_key(stolen, workspace)).facts["queries"] == 20


def test_a_model_whose_training_diverges_is_not_stored(workspace, model):
    wild = model(f"train[{STUDENT}]", training=attrs.evolve(ONCE, learning_rate=1e30))
    with pytest.raises(ModelError, match="training diverged"):
        make_model(wild, workspace)
    assert not workspace.store.has(model_key(wild, workspace))
    assert not list(Path(workspace.store.root).rglob("*.safetensors"))


# --- estimates


def test_the_estimate_counts_what_each_thief_learns_from(workspace, model):
    natural = model(f"extract(soft, budget=100)[{STUDENT}]")
    noisy = model(f"extract-noise(soft)[{STUDENT}]")
    few, many = expected_seconds([natural, noisy], workspace)
    assert 0 < few < many
    assert expected_seconds([model("round"), model("prune")], workspace) == [0, 0]


def test_an_architecture_is_timed_once_in_a_workspace(workspace, model):
    first = expected_seconds([model(f"train[{STUDENT}]")], workspace)
    assert len(workspace.paces) == 1
    assert expected_seconds([model(f"train[{STUDENT}, seed=3]")], workspace) == first
