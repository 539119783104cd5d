"""Is an enrolment fit to accuse anybody? Each kind of unfitness is found by name, and honest victims are not."""

from __future__ import annotations

import re
from pathlib import Path

import attrs
import numpy as np
import pytest
import torch
from torch import nn

import fpframe
from fpframe.base import UNFIT, Note
from fpframe.decision import clopper_pearson
from fpframe.enrolment import encoders
from fpframe.enrolment.enrolment import Enrolment
from fpframe.enrolment.examination import Examination
from fpframe.enrolment.fitness import Crafted
from fpframe.enrolment.method import check_method, plan_enrolment
from fpframe.enrolment.queries import make_questions
from fpframe.enrolment.settling import Unfit, accepted_codes, settle
from fpframe.enrolment.strangers import Strangers
from fpframe.enrolment.victim_checks import look_at_victim
from fpframe.enrolment.victim_gradients import require_tunable
from fpframe.enrolment.victim_sight import Sight
from fpframe.errors import DataError, UsageError
from fpframe.models import Dataset, Images
from fpframe.recipe.recipe import DerivedGroup, IndependentGroup, Recipe
from fpframe.zoo import Zoo, open_workspace, prepare

ROOT = Path(__file__).parents[3]


def linear(data: Dataset, *, steps: int = 150, shift: float | torch.Tensor = 0.0, scale: float = 1.0) -> nn.Sequential:
    """Train a linear model on the first 400 training images, whose pixels it takes as ``(pixels - shift) / scale``."""
    torch.manual_seed(0)
    size = data.train.images[0].numel()
    network = nn.Sequential(nn.Flatten(), nn.Linear(size, data.num_classes))
    pixels, labels = (data.train.pixels[:400] - shift) / scale, data.train.labels[:400]
    optimizer = torch.optim.Adam(network.parameters(), lr=0.05 / max(float(pixels.abs().max()), 1))
    for _ in range(steps):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(pixels), labels).backward()
        optimizer.step()
    return network


class Behind(nn.Module):
    """A network behind something that changes its outputs."""

    def __init__(self, network: nn.Module, change) -> None:
        super().__init__()
        self.network, self.change = network, change

    def forward(self, pixels):
        return self.change(self.network(pixels))


class Ungraded(nn.Module):
    """A network that is computed where autograd cannot follow."""

    def __init__(self, network: nn.Module, way: str) -> None:
        super().__init__()
        self.network, self.way = network, way

    def forward(self, pixels):
        if self.way == "no_grad":
            with torch.no_grad():
                return self.network(pixels)
        if self.way == "inference_mode":
            with torch.inference_mode():
                return self.network(pixels)
        if self.way == "numpy":  # as ONNX Runtime takes its inputs
            weight, bias = self.network[1].weight.detach().numpy(), self.network[1].bias.detach().numpy()
            return torch.from_numpy(pixels.flatten(1).numpy() @ weight.T + bias)
        return self.network((pixels * 255).round() / 255)  # its slope is zero everywhere


@pytest.fixture(scope="module")
def honest(digits) -> nn.Sequential:
    return linear(digits)


@pytest.fixture(scope="module")
def pairs(digits) -> Dataset:
    """Nine images in ten are of one class: is this a nought?"""
    return attrs.evolve(
        digits,
        train=Images(digits.train.images, (digits.train.labels == 0).long()),
        test=Images(digits.test.images, (digits.test.labels == 0).long()),
        classes=("other", "nought"),
    )


@pytest.fixture
def sight(registry, digits, tmp_path):
    """Return a function that makes ready what is looked at before anything is trained."""

    def sight(victim, data=digits, *, recipe=None, scheme=None):
        recipe = Recipe.load("tiny") if recipe is None else recipe
        run = fpframe.Run(store=tmp_path, registry=registry)
        victim = fpframe.Victim.of(victim)
        workspace = open_workspace(recipe, data, run, victim_indices=victim.indices)
        setting = prepare(victim, recipe, workspace, run)
        method = check_method(recipe, registry, without=setting.without, scheme=scheme)
        plan = plan_enrolment(recipe, registry, setting.without)
        return Sight(setting=setting, method=method, plan=plan)

    return sight


@pytest.fixture
def look(sight):
    """Return a function that looks at a victim, and says what is seen and what is found."""
    return lambda *args, **options: look_at_victim(sight(*args, **options))


@pytest.fixture
def codes(look):
    """Return a function that names what is told of a victim."""

    def codes(*args, **options) -> set[str]:
        return {note.code for note in settle(look(*args, **options)[1], frozenset(UNFIT))}

    return codes


# --- mean and standard deviation for bytes


@pytest.mark.parametrize(
    ("shift", "scale", "mean", "std", "told"),
    [
        (0.49, 0.24, 125, 61.2, "--mean 0.4902 --std 0.24"),
        (0.49, 0.24, 0.49, 61.2, "--mean 0.49 --std 0.24"),
        (0.49, 0.24, 125, 0.24, "--mean 0.4902 --std 0.24"),
        (0.49, 1, 125, None, "--mean 0.4902 --std 1"),
        (125 / 255, 1 / 255, 125, None, "--mean 0.4902 --std 0.003922"),
    ],
    ids=["both", "std-alone", "mean-alone", "mean-given-alone", "pixels-to-255"],
)
def test_mean_or_std_for_bytes_is_refused_with_the_numbers_to_give(look, digits, shift, scale, mean, std, told):
    victim = fpframe.Victim(linear(digits, shift=shift, scale=scale), mean=mean, std=std)
    with pytest.raises(UsageError, match=r"\(preparation-in-bytes\)") as caught:
        settle(look(victim)[1], frozenset())
    assert f"divide by 255, as in {told}, or accept it with" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_numbers_to_give_are_those_of_each_channel(look, digits):
    train, test = (part.images.repeat(1, 3, 1, 1) for part in (digits.train, digits.test))
    colour = Dataset.from_arrays((train, digits.train.labels), (test, digits.test.labels), address="colour")
    means = torch.tensor([125, 123, 114]).reshape(1, 3, 1, 1) / 255
    victim = fpframe.Victim(linear(colour, shift=means, scale=60 / 255), mean=(125, 123, 114), std=(60, 60, 60))
    found = look(victim, colour)[1]
    with pytest.raises(UsageError, match=r"divide by 255, as in --mean 0\.4902,0\.4824,0\.4471 --std 0\.2353,"):
        settle(found, frozenset())


def test_a_victim_that_was_trained_on_unusual_numbers_is_believed(codes, digits):
    assert codes(fpframe.Victim(linear(digits, shift=2.0, scale=3.0, steps=400), mean=2.0, std=3.0)) == set()
    assert codes(fpframe.Victim(linear(digits, shift=0.5, scale=1 / 255), mean=0.5, std=1 / 255)) == set()


# --- outputs that are no logits


@pytest.mark.parametrize(
    "change",
    [
        nn.Softmax(1),
        nn.Sigmoid(),
        lambda logits: 100 * logits.softmax(1),
        lambda logits: logits.softmax(1).half().float(),
        lambda logits: logits.softmax(1).softmax(1),
        lambda logits: nn.functional.normalize(logits - logits.amin(1, keepdim=True), p=1),
        lambda logits: 2 * logits.softmax(1),
        lambda logits: (255 * logits.softmax(1)).round(),
        lambda logits: logits.softmax(1) / logits.softmax(1).amax(1, keepdim=True),
    ],
    ids=["softmax", "sigmoid", "per-cent", "half", "twice", "shares", "doubled", "bytes", "scaled"],
)
def test_probabilities_in_the_place_of_logits_are_refused(look, honest, change):
    found = look(Behind(honest, change))[1]
    with pytest.raises(UsageError, match=r"\(answers-not-logits\).*the logarithms of the probabilities, or accept it"):
        settle(found, frozenset())


@pytest.mark.parametrize(
    "change",
    [nn.LogSoftmax(1), nn.ReLU(), lambda logits: logits / 1000, lambda logits: (logits.softmax(1) + 1e-8).log()],
    ids=["log-softmax", "relu", "small", "log"],
)
def test_logits_of_any_shift_and_size_are_accepted(codes, honest, change):
    assert codes(Behind(honest, change)) == set()


# --- the order of classes


@pytest.mark.parametrize(
    "order",
    [[*range(9, -1, -1)], [1, 0, *range(2, 10)], [*range(1, 10), 0], [3, 8, 1, 9, 0, 7, 2, 4, 6, 5]],
    ids=["reversed", "a-pair", "shifted", "any"],
)
def test_another_order_of_classes_is_refused_with_the_order(look, honest, digits, order):
    """Output k of the victim is class ``order[k]`` of the data."""
    victim = Behind(honest, lambda logits: logits[:, order])
    with pytest.raises(UsageError, match=r"\(order-of-classes\).*--classes FILE") as caught:
        settle(look(victim)[1], frozenset())
    names = ", ".join(digits.classes[meant] for meant in order)
    assert f"one on each line, which are {names}, and give it" in str(caught.value)
    moved = next(label for label, meant in enumerate(order) if label != meant)
    assert f"output {moved} is '{order[moved]}', not '{moved}'" in str(caught.value)


def test_two_classes_that_changed_places_are_refused(look, pairs):
    victim = Behind(linear(pairs), lambda logits: logits.flip(1))
    with pytest.raises(UsageError, match=r"output 0 is 'nought', not 'other'; output 1 is 'other', not 'nought'"):
        settle(look(victim, pairs)[1], frozenset())


def test_with_the_order_that_is_told_the_same_victim_is_fit(codes, honest, digits):
    order = [3, 8, 1, 9, 0, 7, 2, 4, 6, 5]
    mended = digits.in_order([digits.classes[meant] for meant in order])
    assert codes(Behind(honest, lambda logits: logits[:, order]), mended) == set()


# --- victims that do not know the task


@pytest.mark.parametrize(
    "change",
    [
        lambda logits: 0 * logits,
        lambda logits: logits[torch.randperm(len(logits), generator=torch.Generator().manual_seed(0))],
        lambda logits: torch.randn(logits.shape, generator=torch.Generator().manual_seed(0)),
    ],
    ids=["constant", "shuffled", "noise"],
)
def test_a_victim_that_knows_no_more_than_chance_is_refused(look, honest, change):
    with pytest.raises(UsageError, match=r"\(victim-at-chance\).*'digits' is what it was trained for, or accept it"):
        settle(look(Behind(honest, change))[1], frozenset())


def test_labels_that_do_not_fit_the_images_are_refused(look, honest, digits):
    def shuffled(part: Images) -> Images:
        return Images(part.images, part.labels[torch.randperm(len(part), generator=torch.Generator().manual_seed(1))])

    strange = attrs.evolve(digits, train=shuffled(digits.train), test=shuffled(digits.test))
    with pytest.raises(UsageError, match=r"\(victim-at-chance\)"):
        settle(look(honest, strange)[1], frozenset())


class OfBytes(nn.Module):
    """A network that takes pixels from 0 to 255."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, pixels):
        return self.network((pixels - 127.5) / 255 + 0.5)


def test_a_usual_preparation_with_which_a_victim_would_know_the_task_is_named(look, honest):
    told = r"\(victim-[a-z-]+\); try --mean 0 --std 0.003922, with which 3\d\d are right, or accept it"
    with pytest.raises(UsageError, match=told):
        settle(look(OfBytes(honest))[1], frozenset())


def test_always_the_larger_class_is_chance_although_it_is_right_nine_times_in_ten(look, pairs):
    seen, found = look(Behind(linear(pairs), lambda logits: 0 * logits), pairs)
    assert seen.accuracy == pytest.approx(seen.guessing) == pytest.approx(0.9, abs=0.02)
    with pytest.raises(UsageError, match=r"\(victim-at-chance\)"):
        settle(found, frozenset())


def test_a_victim_that_names_the_larger_class_and_can_tell_them_apart_is_not_at_chance(codes, pairs):
    timid = Behind(linear(pairs), lambda logits: logits - torch.tensor([0.0, 100.0]))
    assert codes(timid, pairs) <= {"victim-below-data"}
    assert codes(linear(pairs), pairs) == set()


def test_a_victim_that_knows_far_less_than_the_data_show_at_first_sight_is_refused(look, honest):
    def blurred(logits):
        always = logits / 1e4 + torch.eye(10)[0]
        return torch.where(torch.arange(len(logits)).unsqueeze(1) % 60 == 0, logits, always)

    with pytest.raises(UsageError, match=r"\(victim-below-data\)"):
        settle(look(Behind(honest, blurred))[1], frozenset())


@pytest.mark.parametrize("steps", [1, 2, 4, 8])
def test_a_poor_victim_that_beats_guessing_is_fit(look, codes, digits, steps):
    victim = linear(digits, steps=steps)
    seen, _ = look(victim)
    assert seen.accuracy < 0.9
    assert codes(victim) == set()


@pytest.mark.parametrize("accuracy", [0.2, 0.43, 0.7])
def test_a_victim_that_is_wrong_at_random_is_fit(codes, look, digits, accuracy):
    """As good as many an honest one on hard images, and wrong in no particular order."""

    class Wrong(nn.Module):
        def forward(self, pixels):
            drawn = torch.Generator().manual_seed(len(pixels))
            labels = torch.cdist(pixels.flatten(1), digits.train.pixels.flatten(1)).argmin(1)
            labels = digits.train.labels[labels]
            spoilt = torch.rand(len(labels), generator=drawn) > (accuracy - 0.1) / 0.9
            labels = torch.where(spoilt, torch.randint(10, labels.shape, generator=drawn), labels)
            return 5.0 * nn.functional.one_hot(labels, 10) - 1

    assert look(Wrong(), scheme="akh", recipe=asking())[0].accuracy == pytest.approx(accuracy, abs=0.1)
    assert codes(Wrong(), scheme="akh", recipe=asking()) <= {"pool-memorised"}


# --- gradients


def asking(**changes) -> Recipe:
    """Return `tiny` with thieves that ask, and none that holds weights."""
    recipe = Recipe.load("tiny")
    thieves = tuple(group for group in recipe.derived if group.attack.startswith("extract"))
    others = tuple(group for group in recipe.independent if group.stratum != "attacked")
    return attrs.evolve(recipe, **({"derived": thieves, "independent": others} | changes))


WAYS = ["no_grad", "inference_mode", "numpy", "rounded"]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("scheme", "perturbation"), [("uap-contrastive", "uap"), ("lap-contrastive", "deepfool")])
def test_a_scheme_that_follows_gradients_is_refused_where_there_are_none(look, honest, way, scheme, perturbation):
    seen, found = look(Ungraded(honest, way), recipe=asking(), scheme=scheme)
    assert seen.gradients == 0
    with pytest.raises(UsageError, match=rf"'{perturbation}' of scheme '{scheme}' needs it \(no-gradients\)") as caught:
        settle(found, frozenset())
    listed = re.search(r"a scheme that only asks: ([^;]*), or accept it", str(caught.value))[1].split(", ")
    assert {"akh", "sac", "residual", "random-sign"} <= set(listed)
    assert not {"uap-contrastive", "ipguard", "conferrable", "lap-contrastive"} & set(listed)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("scheme", ["residual", "akh", "sac", "random-sign"])
def test_a_scheme_that_only_asks_takes_a_victim_without_gradients(codes, honest, way, scheme):
    assert codes(Ungraded(honest, way), recipe=asking(), scheme=scheme) == set()


def test_thefts_that_train_a_victim_without_gradients_are_refused_by_name(sight, honest):
    with pytest.raises(UsageError, match=r"has such thefts \(victim->finetune\(all\), victim->prune.*\(no-gradients\)"):
        require_tunable(sight(Ungraded(honest, "no_grad"), scheme="akh"))
    require_tunable(sight(Ungraded(honest, "no_grad"), scheme="akh", recipe=asking()))
    require_tunable(sight(honest, scheme="akh"))


def test_frozen_weights_and_networks_that_write_into_their_input_have_gradients(look, digits):
    frozen = linear(digits).requires_grad_(False)
    shifting = nn.Sequential(nn.Flatten(), nn.ReLU(inplace=True), *linear(digits)[1:])
    for victim in (frozen, shifting):
        seen, found = look(victim)
        assert seen.gradients == 1
        assert found == []
    assert not any(weight.requires_grad for weight in frozen.parameters())


# --- the pool


class Remembering(nn.Module):
    """Knows some images by heart, and is wrong about a tenth of all others."""

    def __init__(self, seen: Images, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("images", seen.pixels.flatten(1))
        self.labels = seen.labels

    def forward(self, pixels):
        logits = self.network(pixels)
        distance, nearest = torch.cdist(pixels.flatten(1), self.images).min(1)
        known = nn.functional.one_hot(self.labels[nearest], 10) * 50.0
        return torch.where(distance.unsqueeze(1) < 0.02, known, logits)


def test_a_victim_that_was_trained_on_the_pool_is_refused(look, codes, honest, digits):
    with pytest.raises(UsageError, match=r"\(pool-memorised\).*--victim-indices"):
        settle(look(Remembering(digits.train, honest), recipe=asking(), scheme="akh")[1], frozenset())
    seen = np.arange(800)
    own = fpframe.Victim(Remembering(digits.train[torch.from_numpy(seen)], honest), indices=seen)
    assert codes(own, recipe=asking(), scheme="akh") == set()


# --- the zoo


def test_too_few_models_to_fit_on_are_refused_before_anything_is_trained_where_something_is_learned(codes, honest):
    few = attrs.evolve(asking(), derived=(DerivedGroup(attack="extract(soft)", fit=1),))
    assert codes(honest, recipe=few) == {"too-few-to-fit"}
    assert codes(honest, recipe=few, scheme="residual") == {"too-few-to-fit"}
    assert codes(honest, recipe=few, scheme="akh") == set()


@pytest.mark.parametrize("preset", ["tiny", "quick", "small", "small-cifar10", "paper", "certify:other-teacher"])
def test_every_preset_has_enough_models_to_fit_on(registry, preset):
    recipe = Recipe.load(preset)
    plan = [model.relation for model in plan_enrolment(recipe, registry, ()) if model.split == "fit"]
    assert min(plan.count("derived"), plan.count("independent")) >= 2


@pytest.fixture
def some_fail(monkeypatch, registry):
    """Let the thefts of an attack fail, whatever they get right."""

    def some_fail(stratum: str) -> None:
        known = Zoo.failed
        monkeypatch.setattr(
            Zoo,
            "failed",
            lambda zoo, model: known(zoo, model) or (model.relation == "derived" and stratum in model.stratum),
        )

    return some_fail


def test_failed_thefts_fit_nothing(some_fail, monkeypatch, registry, tiny_store):
    some_fail("noise")
    fitted = set()
    fit = encoders.fit_encoder

    def watching(encoder, answered, *args, **options):
        fitted.update(model.stratum for model, _ in answered if model.relation == "derived")
        return fit(encoder, answered, *args, **options)

    monkeypatch.setattr(encoders, "fit_encoder", watching)
    recipe = attrs.evolve(Recipe.load("tiny"), channels=("top1",))
    run = fpframe.Run(store=tiny_store, registry=registry)
    enrolment = fpframe.enroll(recipe=recipe, scheme="residual", run=run)
    assert fitted
    assert not any("noise" in stratum for stratum in fitted)
    zoo = enrolment.fitness.zoo
    planned = [model for model in plan_enrolment(recipe, registry, ()) if model.split == "fit"]
    assert zoo.derived + zoo.independent + zoo.failed == len(planned)
    assert zoo.failed >= sum("noise" in model.stratum for model in planned)


@pytest.mark.parametrize("folds", [None, 3])
def test_schemes_are_not_compared_on_a_victim_that_is_unfit(registry, digits, honest, tmp_path, folds):
    victim, told = Behind(honest, lambda logits: logits.flip(1)), []
    run = fpframe.Run(store=tmp_path, registry=registry, on_event=lambda event: told.append(event.task))
    options = {"recipe": "tiny", "victim": victim, "dataset": digits, "design": fpframe.Design(folds=folds), "run": run}
    with pytest.raises(UsageError, match=r"\(order-of-classes\).*accept it with --accept-unfit order-of-classes"):
        fpframe.compare(["akh", "residual"], **options)
    assert "training models" not in told
    with pytest.raises(UsageError, match="unknown code 'order'"):
        fpframe.compare(["akh"], accept_unfit=["order"], **options)


def test_what_a_comparison_finds_of_a_scheme_is_a_doubt_unless_it_is_accepted(registry):
    class Still:
        crafted = (Crafted(perturbation="uap", moved=0.0, converged=0.0),)

    def doubts(*accept: str) -> list[str]:
        method = check_method(Recipe.load("tiny"), registry)
        examination = Examination(method=method, accept=frozenset(accept), on_event=lambda event: None)
        found = examination.doubts(Still(), [strangers(accused=6)])
        return [note.code for note in found]

    assert doubts() == ["queries-unmoved", "architecture-accused"]
    assert doubts("queries-unmoved") == ["architecture-accused"]
    assert doubts("queries-unmoved", "architecture-accused") == []


def strangers(accused: int, n: int = 6) -> Strangers:
    """Return what six models of an architecture are called that was left out."""
    return Strangers(
        by="architecture",
        name="random:1",
        accused=accused,
        n=n,
        families=n,
        families_accused=accused,
        level=0.1,
        interval=clopper_pearson(accused, n),
    )


@pytest.mark.slow
def test_a_zoo_whose_thefts_failed_is_refused_and_nobody_can_learn_from_none(some_fail, registry, tiny_store):
    some_fail("")
    recipe = attrs.evolve(Recipe.load("tiny"), channels=("top1",))
    run = fpframe.Run(store=tiny_store, registry=registry)
    with pytest.raises(UsageError, match=r"0 derived models are left .*thefts failed.*\(too-few-to-fit\)"):
        fpframe.enroll(recipe=recipe, run=run)
    with pytest.raises(DataError, match="learns from derived and independent models, and no derived one"):
        fpframe.enroll(recipe=recipe, run=run, accept_unfit=["too-few-to-fit"])
    assert fpframe.enroll(recipe=recipe, scheme="akh", run=run).fitness.accepted == ()


def test_calibration_models_that_do_another_task_are_refused(monkeypatch, registry, tiny_store, digits):
    labels = Zoo.labels
    monkeypatch.setattr(Zoo, "labels", lambda zoo, model: labels(zoo, model).roll(1))
    run = fpframe.Run(store=tiny_store, registry=registry)
    with pytest.raises(UsageError, match=r"\(zoo-disagrees\).*raise 'epochs'"):
        fpframe.enroll(recipe="tiny", scheme="akh", run=run)


def test_a_perturbation_that_moves_nothing_is_refused(registry):
    method = check_method(Recipe.load("tiny"), registry)
    told = []
    examination = Examination(method=method, accept=frozenset(), on_event=told.append)

    class Still:
        crafted = (Crafted(perturbation="uap", moved=0.0, converged=0.0),)

    with pytest.raises(UsageError, match=r"'uap' changed none of the query images.*\(queries-unmoved\)"):
        examination.look_at_queries(Still())


@pytest.mark.parametrize("scheme", ["lap-contrastive", "ipguard"])
def test_what_a_perturbation_did_to_the_images_is_recorded(sight, honest, scheme):
    def crafted(victim):
        seen = sight(victim, scheme=scheme)
        recipe, pool = attrs.evolve(seen.setting.recipe), seen.setting.workspace.parts.pool
        parts = [attrs.evolve(part, points=10, views=1) for part in seen.method.parts]
        [made] = make_questions(parts, recipe, seen.victim, pool, None).crafted
        return made.moved, made.converged

    assert crafted(honest) == (1, pytest.approx(1, abs=0.11))
    assert crafted(Ungraded(honest, "stepped")) == (0, 0)


# --- accepting


def test_an_unknown_code_is_refused_with_the_nearest_before_anything_is_opened():
    with pytest.raises(UsageError, match=r"unknown code 'pool-memorized' .*; did you mean 'pool-memorised'\?"):
        fpframe.enroll(recipe="no-such-recipe", accept_unfit=["pool-memorized"])
    assert accepted_codes("no-gradients") == {"no-gradients"}


def test_what_follows_from_something_else_is_not_told_and_the_others_are_named():
    found = [
        Unfit(Note("order-of-classes", "The order."), "mend it"),
        Unfit(Note("victim-at-chance", "At chance."), "check it"),
        Unfit(Note("no-gradients", "None."), "give some"),
    ]
    with pytest.raises(
        UsageError, match=r"the order \(order-of-classes\) \(found too: no-gradients\); mend it, or acc"
    ):
        settle(found, frozenset())
    with pytest.raises(UsageError, match=r"none \(no-gradients\); give some, or accept it with --accept-unfit no-grad"):
        settle(found, frozenset({"order-of-classes"}))
    accepted = settle(found, frozenset({"order-of-classes", "no-gradients"}))
    assert [note.code for note in accepted] == ["order-of-classes", "no-gradients"]


@pytest.fixture(scope="module")
def accepted(registry, digits, honest, few_models, tmp_path_factory) -> Enrolment:
    """An enrolment of a victim whose classes are in another order, which its owner accepts."""
    recipe = attrs.evolve(
        Recipe.load("tiny"),
        scheme="akh",
        alpha=0.5,
        channels=("top1",),
        training=fpframe.Training(epochs=1, batch_size=64),
        independent=(IndependentGroup(stratum="other-architecture", fit=1, calibrate=2, backbones=("paper:arc-e",)),),
        derived=(DerivedGroup(attack="weight-noise(0.01)", fit=1),),
    )
    run = fpframe.Run(store=tmp_path_factory.mktemp("store"), registry=registry)
    victim = Behind(honest, lambda logits: logits.flip(1))
    return fpframe.enroll(victim, digits, recipe=recipe, run=run, accept_unfit=["order-of-classes", "zoo-disagrees"])


def test_what_was_accepted_stands_in_the_sentence_and_the_caveats_of_every_verdict(accepted, honest):
    itself = Behind(honest, lambda logits: logits.flip(1))
    suspects = [itself, honest, lambda pixels: pixels.new_full((len(pixels), 10), 0.1)]
    for test in ("conformal", "welch"):
        for suspect in suspects:
            verdict = fpframe.verify(accepted, suspect, test=test)
            assert (
                "is not fit to accuse anybody, and was accepted all the same (order-of-classes): The victim numbers"
                in (verdict.sentence)
            )
            assert "order-of-classes" in {note.code for note in verdict.caveats}
            assert fpframe.Verdict.from_dict(verdict.to_dict()).sentence == verdict.sentence


def test_the_numbers_are_kept_and_told(accepted, tmp_path):
    accepted.save(tmp_path / "accepted.enrolment")
    opened = Enrolment.open(tmp_path / "accepted.enrolment")
    assert opened.fitness == accepted.fitness
    assert opened.digest == accepted.digest
    told = opened.to_dict()["fitness"]
    assert told["victim"]["accuracy"] == opened.victim["accuracy"]
    assert set(told["zoo"]["strata"]) == {"other-architecture"}
    assert [note["code"] for note in told["accepted"]] == [note.code for note in accepted.fitness.accepted]
    assert attrs.evolve(accepted, fitness=None).digest != accepted.digest
    assert attrs.evolve(accepted, fitness=None).to_dict()["fitness"] is None


def test_the_recipes_own_victim_is_fit_and_its_numbers_are_those_of_the_zoo(tiny_enrolment):
    enrolment = Enrolment.open(tiny_enrolment)
    fitness = enrolment.fitness
    assert fitness.accepted == ()
    assert fitness.victim.accuracy == enrolment.victim["accuracy"]
    assert fitness.victim.guessing == pytest.approx(0.1, abs=0.02)
    assert fitness.victim.gradients == 1
    assert {name: each.models for name, each in fitness.zoo.strata.items()} == enrolment.calibration.counts
    assert all(each.lowest <= each.median <= each.highest for each in fitness.zoo.strata.values())
    assert min(fitness.zoo.derived, fitness.zoo.independent) >= 2
    assert [(made.perturbation, made.moved) for made in fitness.queries] == [("uap", 1.0)]


# --- the page


def test_the_page_lists_every_code_with_what_helps_and_says_why_it_has_its_limit():
    page = (ROOT / "docs" / "explanation" / "fit-to-accuse.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `([^`]+)` \| (.*) \|$", page, flags=re.MULTILINE))
    assert rows == {code: f"{unfit.meaning} | {unfit.remedy}" for code, unfit in UNFIT.items()}
    assert list(UNFIT) == sorted(UNFIT)
    explained = re.findall(r"^\*\*`([^`]+)`\.\*\*", page, flags=re.MULTILINE)
    assert sorted(explained) == sorted(UNFIT)
    assert {code for unfit in UNFIT.values() for code in unfit.explains} <= set(UNFIT)
