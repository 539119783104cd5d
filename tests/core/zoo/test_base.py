"""Networks that begin as the public model of the victim does."""

from __future__ import annotations

import copy
import json
import pickle

import attrs
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

import fpframe
from fpframe.models import Training, state_digest, train
from fpframe.recipe import DerivedGroup, IndependentGroup, Recipe
from fpframe.zoo import Zoo, export_zoo, plan_models
from fpframe.zoo.base import Base
from fpframe.zoo.baserecipe import require_base, suited, with_base
from fpframe.zoo.beginnings import ADDRESSES, tuned
from fpframe.zoo.keys import model_key
from fpframe.zoo.make import labels_on_test, load_model, make_model, query_model
from fpframe.zoo.remembering import forgotten, remember_features
from smallzoo import model_of

ARCHITECTURE = "paper:arc-a"
#: Name of the last layer of that architecture.
HEAD = "10"


@pytest.fixture(scope="module")
def public(registry, digits) -> fpframe.Classifier:
    """A public model of another task: four classes."""
    network = fpframe.build_backbone(registry, ARCHITECTURE, 4, (1, 8, 8), seed=3)
    turned = torch.rot90(digits.train.pixels, 1, (2, 3))
    return train(network, turned, digits.train.labels % 4, Training(epochs=2, batch_size=32), seed=3)


@pytest.fixture
def base(public, workspace) -> Base:
    return opened(public, workspace)


def opened(named, workspace) -> Base:
    return Base.open(named, ARCHITECTURE, fpframe.Preparation(), workspace.dataset, workspace.registry, workspace.store)


def differing(one, other) -> set[str]:
    """Return the names of the parts of two networks that are not the same."""
    assert one.keys() == other.keys()
    return {name.partition(".")[0] for name, value in one.items() if (value != other[name]).any()}


@pytest.fixture
def space(workspace, base):
    workspace.base = base
    return workspace


def _file(public, folder):
    path = folder / "public.safetensors"
    save_file({f"model.{name}": value.clone() for name, value in public.module.state_dict().items()}, path)
    return str(path)


def _checkpoint(public, folder):
    path = folder / "public.pt"
    torch.save({"state_dict": public.module.state_dict(), "epoch": 3}, path)
    return path


def _folder(public, folder):
    (folder / "hub").mkdir()
    torch.save(public.module.state_dict(), folder / "hub" / "pytorch_model.bin")
    return folder / "hub"


def _function(public, folder):
    path = folder / "public.pt"
    torch.save(public.module, path)
    (folder / "published.py").write_text(
        f"import torch\ndef make():\n    return torch.load({str(path)!r}, weights_only=False)\n"
    )
    return "python:published:make"


WAYS = {
    "a module": lambda public, _: public.module,
    "a classifier": lambda public, _: public,
    "a state dict": lambda public, _: public.module.state_dict(),
    "a file": _file,
    "a checkpoint": _checkpoint,
    "a folder": _folder,
    "a function": _function,
}


@pytest.mark.parametrize("way", WAYS)
def test_a_base_is_the_same_however_it_is_named(way, public, base, workspace, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    found = opened(WAYS[way](public, tmp_path), workspace)
    assert found.digest == base.digest
    assert found.head == HEAD
    assert not any(name.startswith(f"{HEAD}.") for name in found.weights)
    assert found.weights.keys() == {name for name in public.module.state_dict() if not name.startswith(f"{HEAD}.")}


WRONG = {
    "another network": (lambda _: nn.Linear(2, 2), "has 0 of the 8 weights"),
    "no such file": (lambda folder: str(folder / "none.safetensors"), "none.safetensors"),
    "an empty folder": (lambda folder: folder, "has no weights"),
    "an unknown source": (lambda _: "hub:somebody/model", "is not the address of a public model"),
    "no network": (lambda _: "python:collections:OrderedDict", "must return the public model"),
}


@pytest.mark.parametrize("way", WRONG)
def test_what_cannot_be_a_base_is_refused(way, workspace, tmp_path):
    make, message = WRONG[way]
    with pytest.raises(fpframe.FpframeError, match=message):
        opened(make(tmp_path), workspace)


def test_a_victim_that_has_nothing_of_the_base_is_refused(base, workspace):
    victim = workspace.build(ARCHITECTURE, seed=8)
    with pytest.raises(fpframe.ModelError, match="the victim's weights are unlike those of 'Classifier'"):
        base.require_like(victim)


def test_a_victim_that_was_fine_tuned_from_the_base_is_like_it(base, space, digits):
    victim = train(space.build("base:all", 8), digits.train.pixels, digits.train.labels, Training(epochs=2), seed=1)
    base.require_like(victim)
    assert 0.5 < base.likeness(victim) < 1


@pytest.mark.parametrize("backbone", ADDRESSES)
def test_a_network_begins_as_the_base_with_a_last_layer_of_its_own(backbone, space, public):
    one, other = space.build(backbone, 1), space.build(backbone, 2)
    assert state_digest(one.module) != state_digest(other.module)
    for name, value in public.module.state_dict().items():
        if not name.startswith(f"{HEAD}."):
            assert torch.equal(one.module.state_dict()[name], value)
    assert differing(one.module.state_dict(), other.module.state_dict()) == {HEAD}


@pytest.mark.parametrize(
    ("backbone", "learns"),
    [
        ("base:head", {HEAD}),
        ("base:deep", {HEAD}),
        ("base:block", {"8", HEAD}),
        ("base:all", {"0", "1", "3", "4", "8", HEAD}),
    ],
)
def test_an_address_says_what_learns(backbone, learns, space, model):
    trained = model(f"train[{backbone}]", training=Training(epochs=2, batch_size=16))
    make_model(trained, space)
    made, began = load_model(trained, space).module.state_dict(), space.build(backbone, 0).module.state_dict()
    assert differing(made, began) == learns


OWN = {
    "a last layer": ("train[base:head]", {HEAD}),
    "two in its place": ("train[base:deep]", {HEAD}),
    "a student": ("labels->extract(soft)[base:head]", {HEAD}),
    "a copy of one, learned further": ("train[base:head]->finetune(last)", {HEAD}),
}


@pytest.mark.parametrize("kind", OWN)
def test_of_a_model_that_begins_as_the_base_its_own_weights_are_stored(kind, space, model):
    lineage, own = OWN[kind]
    made = model(lineage)
    for each in [model(text) for text in ("train[base:head]",) if "->finetune" in lineage] + [made]:
        make_model(each, space)
    entry = space.store.load(model_key(made, space))
    assert {name.partition(".")[0] for name in entry.tensors} == own
    state = load_model(made, space).module.state_dict()
    assert entry.tensors.keys() <= state.keys()
    assert all(torch.equal(state[name], value) for name, value in {**space.base.weights, **entry.tensors}.items())


def test_models_that_were_stored_whole_are_read_still(space, model):
    made = model("train[base:head]")
    make_model(made, space)
    whole = load_model(made, space).module.state_dict()
    space.store.save(model_key(made, space), dict(whole), space.store.load(model_key(made, space)).facts, sidecar={})
    assert not differing(load_model(made, space).module.state_dict(), whole)


@pytest.mark.parametrize("attack", ["gate(0.2)", "mix(0.5)", "quantize-static", "quantize(int8)", "prune(0.4)"])
def test_what_is_made_of_a_model_that_begins_as_the_base_answers_as_it_did_when_it_is_opened(attack, space, model):
    """Some attacks put a network around it, in which its weights have other names."""
    source, made = model("train[base:head]"), model(f"train[base:head]->{attack}")
    for each in (source, made):
        make_model(each, space)
    answers = query_model(made, space)(space.dataset.test.pixels)
    assert torch.equal(answers.argmax(1), labels_on_test(made, space))


def test_a_copy_of_the_victim_is_stored_whole(space, model):
    """Its key does not name the public model, so another could be put in its place."""
    copied = model("victim->prune(0.4)")
    make_model(copied, space)
    assert (
        space.store.load(model_key(copied, space)).tensors.keys()
        == load_model(copied, space).module.state_dict().keys()
    )


def test_another_word_is_refused_with_the_nearest(space):
    with pytest.raises(fpframe.UsageError, match="unknown architecture 'base:heads'; did you mean 'base:head'"):
        space.build("base:heads", 0)


def test_without_a_base_the_option_is_named(workspace):
    with pytest.raises(fpframe.ModelError, match="--base"):
        workspace.build("base:head", 0)


# what the frozen layers make of images is remembered


#: Addresses of networks with layers that stay as they are.
STILL = [address for address in ADDRESSES if address != "base:all"]


@pytest.mark.parametrize("backbone", STILL)
def test_a_network_that_remembers_answers_as_it_would_without(backbone, space):
    network = space.build(backbone, 5)
    assert network.body is not None
    plain = copy.deepcopy(network).changing()
    for pixels in (space.dataset.train.pixels[:70], space.dataset.test.pixels, torch.rand(5, 1, 8, 8)):
        assert torch.allclose(network.logits(pixels), plain.logits(pixels), atol=1e-5)


@pytest.mark.parametrize("backbone", STILL)
def test_a_network_that_remembers_learns_as_it_would_without(backbone, space):
    pixels, labels = space.dataset.train.pixels[:100], space.dataset.train.labels[:100]
    training = Training(epochs=4, batch_size=16)
    network = space.build(backbone, 5)
    plain = copy.deepcopy(network).changing(*network.learns)
    train(network, pixels, labels, training, seed=1)
    train(plain, pixels, labels, training, seed=1)
    assert torch.allclose(network.logits(pixels), plain.logits(pixels), atol=1e-3)
    assert differing(network.module.state_dict(), space.build(backbone, 5).module.state_dict()) == {
        name.partition(".")[0] for name in network.learns
    }


@pytest.mark.parametrize("backbone", STILL)
def test_images_pass_the_frozen_layers_once_for_all_networks_and_runs(backbone, space, public):
    passed = []
    space.build(backbone, 1).logits(space.dataset.train.pixels)
    again = opened(public, space)  # another run, which finds them in the store
    network = again.build(backbone, space.dataset, space.registry, seed=2)
    network.module[0].register_forward_hook(lambda *_: passed.append(True))
    network.logits(space.dataset.train.pixels[:50])  # is cut here, which passes some blank images
    passed.clear()
    network.logits(space.dataset.train.pixels[50:90])
    train(network, space.dataset.train.pixels[:50], space.dataset.train.labels[:50], Training(epochs=1), seed=0)
    assert not passed
    network.logits(torch.rand(3, 1, 8, 8))  # images that nobody knows
    assert passed


def test_the_last_layer_goes_on_with_what_was_made_for_the_last_block(space):
    head, block = (space.base.bodies[word] for word in ("head", "block"))
    network = space.build("base:head", 1)
    alone = head.shard("test", 0, network).clone()
    behind = opened(space.base.weights, attrs.evolve(space, store=fpframe.Store(space.store.root / "other")))
    behind.bodies["block"].shard("test", 0, network)
    behind.bodies["block"].rest(network, tuple(behind.bodies["block"].shard("test", 0, network).shape[1:]))
    network.module[0].register_forward_hook(lambda *_: pytest.fail("the first layer was passed again"))
    assert torch.allclose(behind.bodies["head"].shard("test", 0, network), alone, atol=1e-5)
    assert head.behind is block


def test_before_models_learn_images_pass_in_pieces_that_any_worker_makes(space, model):
    models = [model(f"train[{address}]") for address in STILL]
    pieces = forgotten(models, space)
    assert {(part, start) for part, start, _ in pieces} == {
        (part, start) for part in ("train", "test") for start in range(0, len(getattr(space.dataset, part)), 256)
    }
    assert {words for _, _, words in pieces} == {("block", "head")}
    remember_features(pieces, space, fpframe.Run(workers=1))
    assert not forgotten(models, space)
    assert not forgotten([model("train[base:all]")], space)


@pytest.mark.parametrize("backbone", STILL)
def test_a_network_more_of_which_changed_than_was_to_learn_remembers_nothing(backbone, space):
    network = space.build(backbone, 1).eval()
    with torch.no_grad():
        network.module[0].weight.mul_(2)
    answers = space.base.settled(network).logits(space.dataset.test.pixels)
    assert network.body is None
    assert torch.equal(answers, network(space.dataset.test.pixels).detach())


@pytest.mark.parametrize(
    ("learned", "word"), [("base:head", "head"), ("base:deep", "head"), ("base:block", "block"), ("base:all", None)]
)
def test_a_victim_remembers_as_far_as_its_layers_are_still_the_public_models(learned, word, space):
    pixels, labels = space.dataset.train.pixels[:100], space.dataset.train.labels[:100]
    victim = train(space.build(learned, 3), pixels, labels, Training(epochs=1), seed=0).changing()
    assert space.base.recognise(victim) == word
    assert (victim.body is space.base.bodies.get(word)) is True
    answers = victim.logits(space.dataset.test.pixels)
    assert torch.allclose(answers, copy.deepcopy(victim).changing().logits(space.dataset.test.pixels), atol=1e-5)


def test_a_victim_that_gets_its_images_in_another_way_remembers_nothing(space):
    victim = space.build("base:head", 3).behind(fpframe.Preparation(mean=(0.5,), std=(0.5,)), (1, 8, 8))
    assert space.base.recognise(victim) is None


def test_a_copy_whose_last_layer_learned_further_remembers_as_its_victim_does(space, model):
    tuned_on = model("train[base:head]->finetune(last)", training=Training(epochs=1, batch_size=16))
    for each in tuned_on.chain:
        make_model(each, space)
    assert load_model(tuned_on, space).body is space.base.bodies["head"]


@pytest.mark.parametrize("attack", ["finetune(last)", "retrain(last)"])
def test_a_thief_who_trains_the_last_layer_alone_passes_no_other_layer(attack, space, model):
    thief = model(f"train[base:head]->{attack}", training=Training(epochs=2, batch_size=16))
    victim = thief.chain[0]
    make_model(victim, space)
    load_model(victim, space).logits(space.dataset.train.pixels)  # what is known of images lies in the store then
    load_model(victim, space).logits(space.dataset.test.pixels)
    passed = []
    hook = nn.modules.module.register_module_forward_pre_hook(
        lambda module, inputs: passed.append(len(inputs[0])) if isinstance(module, nn.Conv2d) else None
    )
    try:
        make_model(thief, space)
    finally:
        hook.remove()
    assert max(passed, default=0) <= 2, "but for the blank images that a network is cut with"


@pytest.mark.parametrize("changed", [False, True], ids=["nothing else changed", "another layer changed before"])
def test_a_thawed_network_learns_its_last_layer_as_it_would_without_what_it_remembers(changed, space):
    pixels, labels = space.dataset.train.pixels[:100], space.dataset.train.labels[:100]
    network = space.build("base:head", 5).thawed()
    assert network.body is None
    assert network.learns == ()
    with torch.no_grad():
        if changed:
            network.module[0].weight.mul_(1.5)
    plain = copy.deepcopy(network).changing()
    last = [list(each.module.children())[-1] for each in (network, plain)]
    for each, layer in zip((network, plain), last, strict=True):
        train(each, pixels, labels, Training(epochs=3, batch_size=16), seed=1, layer=layer)
    assert torch.allclose(last[0].weight, last[1].weight, atol=1e-4)
    assert torch.allclose(network.logits(pixels), plain.logits(pixels), atol=1e-3)


SHIFTED = """
import torch
from torch import nn

class Shifted(nn.Module):
    def __init__(self):
        super().__init__()
        self.shift = nn.Parameter(torch.randn(1))
        self.body, self.head = nn.Linear(64, 8), nn.Linear(8, 10)

    def forward(self, images):
        return self.head(torch.relu(self.body(images.flatten(1) + self.shift)))

make = Shifted
"""


@pytest.mark.parametrize("whole", [True, False], ids=["all of them", "all but one of no layer"])
def test_nothing_is_remembered_where_networks_differ_before_the_last_layer(whole, workspace, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "shifted.py").write_text(SHIFTED)
    state = workspace.build("python:shifted:make", 1).module.state_dict()
    named = state if whole else {name: value for name, value in state.items() if name != "shift"}
    settings = (fpframe.Preparation(), workspace.dataset, workspace.registry, workspace.store)
    base = Base.open(named, "python:shifted:make", *settings)
    assert ("head" in base.bodies) is whole
    for seed in (1, 2):
        network = base.build("base:head", workspace.dataset, workspace.registry, seed=seed)
        pixels = workspace.dataset.test.pixels
        assert torch.allclose(network.logits(pixels), network(pixels).detach(), atol=1e-5)


def test_a_copy_that_is_trained_further_learns_with_all_its_layers(space, model):
    tuned_on = model("train[base:head]->finetune(all)", training=Training(epochs=1, batch_size=16))
    for each in tuned_on.chain:
        make_model(each, space)
    began, made = (load_model(each, space) for each in tuned_on.chain)
    assert (began.module[0].weight != made.module[0].weight).any()
    assert began.body is not None
    assert made.body is None
    assert torch.allclose(made.logits(space.dataset.test.pixels), made(space.dataset.test.pixels).detach(), atol=1e-5)


def test_a_student_may_begin_at_the_base(space, model):
    student = model("victim->extract(soft)[base:head]", training=Training(epochs=1, batch_size=16))
    make_model(student, space)
    assert torch.equal(load_model(student, space).module[0].weight, space.base.weights["0.weight"])


def test_a_file_of_one_names_the_victims_architecture(space, model, tmp_path):
    trained = model("train[base:head]")
    make_model(trained, space)
    index = export_zoo(Zoo((trained,), space), tmp_path / "out", format="safetensors")
    assert json.loads(index.read_text())[0]["backbone"] == ARCHITECTURE


def test_one_with_two_last_layers_is_no_file_of_weights(space, model, tmp_path):
    trained = model("train[base:deep]")
    make_model(trained, space)
    other = model("train[base:block]")
    make_model(other, space)
    index = export_zoo(Zoo((trained, other), space), tmp_path / "weights", format="safetensors")
    assert [each["lineage"] for each in json.loads(index.read_text())] == [str(other.lineage)]


def test_it_reaches_worker_processes(space, model):
    sent = pickle.loads(space.pickled())[0]
    assert sent.base.digest == space.base.digest
    assert torch.equal(
        sent.base.build("base:head", sent.dataset, space.registry, seed=1)(torch.zeros(1, 1, 8, 8)),
        space.build("base:head", 1)(torch.zeros(1, 1, 8, 8)),
    )


# keys, recipes


def test_models_of_another_base_have_other_keys(space, model, public):
    trained = model("train[base:all]")
    before = model_key(trained, space)
    changed = copy.deepcopy(public)
    with torch.no_grad():
        changed.module[0].weight.add_(1e-3)
    space.base = opened(changed, space)
    assert model_key(trained, space) != before
    assert len({model_key(model(f"train[{address}]"), space) for address in ADDRESSES}) == len(ADDRESSES)


@pytest.mark.parametrize(
    ("backbone", "rate", "augmentations"),
    [("base:head", 1.0, ()), ("base:block", 0.1, ("flip",)), ("base:all", 0.1, ("flip",)), ("victim", 1.0, ("flip",))],
)
def test_layers_that_begin_as_the_base_learn_slower(backbone, rate, augmentations):
    training = tuned(Training(learning_rate=1.0, augmentations=("flip",)), backbone)
    assert (training.learning_rate, training.augmentations) == (rate, augmentations)


RECIPE = Recipe(
    name="small",
    independent=(
        IndependentGroup(stratum="same-data", fit=1, calibrate=9),
        IndependentGroup(stratum="other-architecture", calibrate=9, backbones=("paper:arc-b",)),
        IndependentGroup(stratum="other-teacher", calibrate=9, backbones=("victim", "paper:arc-b")),
    ),
    derived=(DerivedGroup(attack="extract(soft)", fit=1), DerivedGroup(attack="finetune(all)", test=1)),
)


def test_a_recipe_for_a_victim_with_a_base_has_what_begins_as_it_does(registry):
    made = with_base(RECIPE)
    by_stratum = {group.stratum: group for group in made.independent}
    assert by_stratum["same-data"].backbones == ("base:all",)
    assert by_stratum["other-teacher"].backbones == ("base:all", "paper:arc-b")
    added = by_stratum["same-base"]
    assert (added.fit, added.calibrate, added.backbones) == (1, 9, ADDRESSES)
    planned = plan_models(made, registry)
    assert all("victim" not in {step.backbone for step in model.lineage.steps} for model in planned)
    assert len({model.lineage.exact for model in planned}) == len(planned)
    assert with_base(made) == made


def test_fine_tunes_of_the_base_differ_in_what_learns_and_in_their_images(registry):
    planned = [model for model in plan_models(with_base(RECIPE), registry) if model.stratum == "same-base"]
    assert {model.lineage.architecture for model in planned} == set(ADDRESSES)
    assert len({model.lineage.last.data for model in planned}) > 5
    assert all(model.fitted.augmentations == () for model in planned if model.lineage.architecture == "base:head")


def test_a_victim_of_no_base_leaves_a_recipe_as_it_is():
    assert suited(RECIPE, None) is RECIPE
    assert suited(RECIPE, fpframe.Victim(nn.Identity(), from_scratch=True)) is RECIPE


def test_a_recipe_that_needs_a_base_is_refused_without_one():
    with pytest.raises(fpframe.RecipeError, match="say with --base which model that is"):
        require_base(with_base(RECIPE))
    require_base(RECIPE)
    assert attrs.evolve(with_base(RECIPE), name="small") != RECIPE


def test_a_victim_cannot_have_a_base_and_none():
    with pytest.raises(fpframe.UsageError, match="has no base; say one or the other"):
        fpframe.Victim(nn.Identity(), from_scratch=True, base=nn.Identity())


def test_models_by_lineage_are_read_again(registry):
    assert str(model_of("train[base:head]", registry).lineage) == "train[base:head]"
