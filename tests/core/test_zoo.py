"""The zoo: nothing is trained twice, nothing damaged is used, and the victim is never touched."""

from __future__ import annotations

from typing import ClassVar

import attrs
import pytest
import torch

from fpframe.classifier import state_digest
from fpframe.errors import ModelError, UsageError
from fpframe.hookspecs import hookimpl
from fpframe.interfaces import AttackSimulator, ComponentSpec
from fpframe.recipe import Recipe
from fpframe.registry import Registry
from fpframe.store import Store
from fpframe.zoo import VictimHandle, Workspace, build_zoo, partition, plan_zoo, victim_model
from fpframe.zoo.build import missing_models
from fpframe.zoo.estimate import estimate_seconds
from fpframe.zoo.make import load_model, make_model, model_key


@pytest.fixture
def recipe() -> Recipe:
    full = Recipe.load("tiny")
    return attrs.evolve(full, training=attrs.evolve(full.training, epochs=1))


@pytest.fixture
def workspace(recipe, registry, tmp_path) -> Workspace:
    data = registry.create("dataset", "digits").open("", root=None)
    parts = partition(data, recipe.partition, seed=0)
    space = Workspace(dataset=data, parts=parts, registry=registry, store=Store(tmp_path / "store"))
    victim = space.build("paper:arc-a", seed=1)
    space.victim = VictimHandle.of(victim, parts, backbone="paper:arc-a")
    return space


def test_a_zoo_is_trained_once_and_found_again(recipe, workspace):
    plan = plan_zoo(recipe, splits=("test",))[:6]
    made, again = [], []
    build_zoo(plan, workspace, on_event=made.append)
    build_zoo(plan, workspace, on_event=again.append)
    assert sum(event.kind == "step" for event in made) == 6
    assert not again


def test_an_interrupted_build_goes_on_where_it_was(recipe, workspace):
    plan = plan_zoo(recipe, splits=("test",))[:5]

    def interrupt(event):
        if event.kind == "step" and event.done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_zoo(plan, workspace, on_event=interrupt)
    assert len(missing_models(plan, workspace)) == 3


def test_a_damaged_model_is_trained_again_to_the_same_bytes(recipe, workspace):
    [model] = plan_zoo(recipe, splits=("fit",))[:1]
    key = make_model(model, workspace)
    path = workspace.store.path(key)
    good = path.read_bytes()
    path.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
    make_model(model, workspace)
    assert path.read_bytes() == good
    assert path.with_suffix(".damaged").exists()


def test_a_students_teacher_is_trained_first_even_if_only_the_student_is_asked_for(recipe, workspace):
    student = next(m for m in plan_zoo(recipe) if m.stratum == "other-teacher")
    build_zoo([student], workspace)
    assert workspace.store.has(model_key(student.teacher, workspace))


def test_whatever_changes_the_weights_changes_the_key(recipe, workspace):
    trained = next(m for m in plan_zoo(recipe) if m.stratum == "same-data")
    stolen = next(m for m in plan_zoo(recipe) if m.relation == "derived")
    variants = [
        trained,
        attrs.evolve(trained, seed=trained.seed + 1),
        attrs.evolve(trained, backbone="paper:arc-b"),
        attrs.evolve(trained, data="thief"),
        attrs.evolve(trained, training=attrs.evolve(trained.training, learning_rate=1e-3)),
        stolen,
        attrs.evolve(stolen, attack=ComponentSpec("extraction", {"queries": "natural"})),
        attrs.evolve(stolen, teacher=trained),
    ]
    keys = [model_key(model, workspace) for model in variants]
    assert len(set(keys)) == len(keys)


def test_the_role_of_a_model_is_not_part_of_its_key(recipe, workspace):
    model = plan_zoo(recipe)[0]
    moved = attrs.evolve(model, split="test", stratum="other", family="other")
    assert model_key(model, workspace) == model_key(moved, workspace)


def test_independent_models_do_not_depend_on_the_victims_weights_and_derived_ones_do(recipe, workspace):
    trained = next(m for m in plan_zoo(recipe) if m.stratum == "same-data")
    taught = next(m for m in plan_zoo(recipe) if m.stratum == "other-teacher")
    stolen = next(m for m in plan_zoo(recipe) if m.relation == "derived")
    before = [model_key(m, workspace) for m in (trained, taught, stolen)]
    other = workspace.build("paper:arc-a", seed=2)
    workspace.victim = VictimHandle.of(other, workspace.parts, backbone="paper:arc-a")
    after = [model_key(m, workspace) for m in (trained, taught, stolen)]
    assert [a == b for a, b in zip(before, after, strict=True)] == [True, True, False]


def test_a_victim_with_equal_weights_but_another_normalisation_is_another_victim(workspace):
    victim = workspace.victim.classifier
    shifted = type(victim)(victim.module, num_classes=10, image_shape=(1, 8, 8), mean=(0.5,), std=(0.5,))
    assert VictimHandle.of(shifted, workspace.parts, backbone="paper:arc-a").key != workspace.victim.key


def test_thieves_leave_the_victims_weights_untouched_and_spend_what_they_ask(recipe, workspace):
    victim = workspace.victim.classifier
    before = state_digest(victim)
    for queries, copies in (("natural", 1), ("noise", 2), ("adversarial", 2)):
        spec = ComponentSpec("extraction", {"queries": queries, "budget": 100})
        model = attrs.evolve(next(m for m in plan_zoo(recipe) if m.relation == "derived"), attack=spec)
        key = make_model(model, workspace)
        assert workspace.store.load(key).facts["queries"] == 100 // copies * copies
    assert state_digest(victim) == before
    assert all(weight.requires_grad for weight in victim.parameters())


def test_loading_gives_the_trained_network(recipe, workspace):
    model = victim_model(recipe)
    make_model(model, workspace)
    classifier, entry = load_model(model, workspace)
    test = workspace.dataset.test
    assert classifier.accuracy(test.pixels, test.labels) == pytest.approx(entry.facts["accuracy"], abs=1e-6)
    assert not classifier.training


def test_plugins_that_are_not_installed_cannot_be_sent_to_worker_processes(workspace):
    workspace.registry = Registry([])
    with pytest.raises(UsageError, match="one worker"):
        workspace.pickled()


def test_a_victim_that_cannot_be_pickled_is_a_clear_error(workspace):
    class Local(torch.nn.Module):
        pass

    workspace.victim.classifier.module.extra = Local()
    with pytest.raises(UsageError, match="use one worker"):
        workspace.pickled()


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


def with_attacks(workspace: Workspace, *attacks: type[AttackSimulator]) -> None:
    kept = [workspace.registry.get("backbone", "paper"), *map(attrs.frozen(kw_only=True), attacks)]
    plugin = type("plugin", (), {"fpframe_components": staticmethod(hookimpl(lambda: kept))})
    workspace.registry = Registry([plugin])


def test_a_thief_with_the_weights_starts_from_a_copy_and_leaves_the_victim_alone(recipe, workspace):
    with_attacks(workspace, Thinning)
    victim = workspace.victim.classifier
    before = state_digest(victim)
    stolen = next(m for m in plan_zoo(recipe) if m.relation == "derived")
    stolen = attrs.evolve(stolen, attack=ComponentSpec("thinning"))
    make_model(stolen, workspace)
    thin = load_model(stolen, workspace)[0]
    assert state_digest(victim) == before
    for ours, theirs in zip(victim.parameters(), thin.parameters(), strict=True):
        assert torch.equal(ours * 0.5, theirs)


def test_a_thief_that_sees_labels_is_shown_nothing_else(recipe, workspace):
    with_attacks(workspace, Peeking)
    stolen = next(m for m in plan_zoo(recipe) if m.relation == "derived")
    make_model(attrs.evolve(stolen, attack=ComponentSpec("peeking")), workspace)
    [shown] = Peeking.shown
    assert torch.equal(shown, torch.nn.functional.one_hot(shown.argmax(1), 10).float())


def test_a_model_whose_training_diverges_is_not_stored(recipe, workspace):
    model = plan_zoo(recipe)[0]
    wild = attrs.evolve(model, training=attrs.evolve(model.training, learning_rate=1e30))
    with pytest.raises(ModelError, match="training diverged"):
        make_model(wild, workspace)
    assert not workspace.store.has(model_key(wild, workspace))


def test_the_estimate_counts_each_thiefs_copies(recipe, workspace):
    stolen = next(m for m in plan_zoo(recipe) if m.relation == "derived")
    natural = attrs.evolve(stolen, attack=ComponentSpec("extraction", {"queries": "natural", "budget": 100}))
    assert 0 < estimate_seconds([natural], workspace) < estimate_seconds([stolen] * 4, workspace)
