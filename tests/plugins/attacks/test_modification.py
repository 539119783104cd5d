"""The attacks that hold the victim's weights: what they change, what they keep, and that they work."""

from __future__ import annotations

import copy
import random
from collections import Counter

import attrs
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils import prune

import fpframe
from fpframe.models.classifier import state_digest
from fpframe.opening.backbones import build_backbone
from fpframe.rng import generator
from fpframe_plugins.attacks._layers import hidden_convolutions, last_layer, weights_of, zeros_of
from fpframe_plugins.perturbations.uap import Uap, fooling_rate

SHAPE = (1, 8, 8)
CONTEXT = fpframe.AttackContext(training=fpframe.Training(batch_size=32))
#: Every attack in its varieties, with the least accuracy that it keeps on digits, of the victim's 0.95.
VARIETIES = [
    ("adversarial-training", {}, 0.9),
    ("fine-prune", {}, 0.9),
    ("finetune", {}, 0.9),
    ("finetune", {"layers": "last"}, 0.9),
    ("fingerprint-aware", {}, 0.9),
    ("label-smoothing", {}, 0.9),
    ("prune", {}, 0.9),
    ("prune-channels", {}, 0.8),
    ("quantize", {}, 0.93),
    ("quantize", {"format": "fp16"}, 0.93),
    ("retrain", {}, 0.85),
    ("retrain", {"layers": "all"}, 0.85),
    ("weight-noise", {}, 0.9),
]
#: The same, but quick.
QUICK = [(name, params | ({"rounds": 1} if name == "fingerprint-aware" else {})) for name, params, _ in VARIETIES]


@pytest.fixture(scope="module")
def loot(digits):
    return digits.train[700:]


@pytest.fixture(scope="module")
def fresh(registry):
    """Return a network of the victim's architecture with other weights."""
    return lambda: build_backbone(registry, "paper:arc-d", num_classes=10, image_shape=SHAPE, seed=7)


@pytest.fixture(scope="module")
def victim(registry, digits):
    network = build_backbone(registry, "paper:arc-d", num_classes=10, image_shape=SHAPE, seed=0)
    own = digits.train[:700]
    return fpframe.train(network, own.pixels, own.labels, fpframe.Training(epochs=10, batch_size=32), seed=0)


@pytest.fixture(scope="module")
def steal(registry, victim, loot):
    """Return a function that attacks a copy of the victim, or of another model."""

    def run(name, *, seed=0, model=victim, data=loot, **params):
        attack = registry.create("attack", name, **params)
        return attack.simulate(copy.deepcopy(model), None, data, context=CONTEXT, seed=seed)

    return run


def state(model):
    return {name: value.clone() for name, value in model.module.state_dict().items()}


def changed(before, after):
    """Return the names of the weights and buffers that differ."""
    return {name for name in before if not torch.equal(before[name], after[name])}


def confidence(model, pixels):
    return float(model.logits(pixels).softmax(1).amax(1).mean())


def untrained(*layers, seed=0):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        module = nn.Sequential(*(layer() for layer in layers))
    return fpframe.Classifier(module, num_classes=10, image_shape=SHAPE)


# --- what all of them promise


@pytest.mark.parametrize(("name", "params", "least"), VARIETIES)
def test_the_copy_changes_and_keeps_its_accuracy_and_neither_victim_nor_data_change(
    steal, victim, digits, loot, name, params, least
):
    before = state_digest(victim.module), loot.digest, loot.pixels.clone()
    stolen = steal(name, **params)
    loot_now = fpframe.Images(loot.images, loot.labels)
    assert (state_digest(victim.module), loot_now.digest) == before[:2]
    assert torch.equal(loot.pixels, before[2])
    assert state_digest(stolen.module) != before[0]
    assert not any(module.training for module in stolen.modules())
    assert stolen.accuracy(digits.test.pixels, digits.test.labels) > least


@pytest.mark.parametrize(("name", "params"), QUICK)
def test_the_copy_loads_strictly_into_a_fresh_network_and_answers_the_same(steal, fresh, digits, loot, name, params):
    stolen, network = steal(name, data=loot[:200], **params), fresh()
    network.module.load_state_dict(stolen.module.state_dict(), strict=True)
    types = {tensor.dtype for tensor in stolen.module.parameters()}
    assert types == {torch.float32}
    assert torch.equal(network.logits(digits.test.pixels), stolen.logits(digits.test.pixels))


@pytest.mark.parametrize(("name", "params"), QUICK)
def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(registry, steal, loot, name, params):
    params = params | ({"max_drop": 1.0} if name == "fingerprint-aware" else {})
    first, again, other = (state_digest(steal(name, seed=s, data=loot[:150], **params).module) for s in (5, 5, 6))
    assert again == first
    assert (other == first) == registry.create("attack", name, **params).deterministic


@pytest.mark.parametrize(("name", "params"), QUICK)
def test_random_state_and_the_number_of_threads_are_left_as_found(steal, loot, name, params):
    before = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate(), torch.get_num_threads()  # noqa: NPY002
    steal(name, data=loot[:100], **params)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert np.array_equal(np.random.get_state()[1], before[1])  # noqa: NPY002
    assert (random.getstate(), torch.get_num_threads()) == before[2:]


@pytest.mark.parametrize(("name", "params"), [*QUICK, ("prune-channels", {"epochs": 0}), ("fine-prune", {"epochs": 0})])
def test_the_passes_that_are_claimed_are_those_that_are_made(registry, victim, loot, name, params):
    attack, student, seen = registry.create("attack", name, **params), copy.deepcopy(victim), []

    def count(_model, inputs, _output):
        seen.append(len(inputs[0]) * torch.is_grad_enabled())

    student.register_forward_hook(count)
    attack.simulate(student, None, loot[:320], context=CONTEXT, seed=0)
    assert attack.image_passes(320, epochs=100) == pytest.approx(sum(seen), rel=0.05)


@pytest.mark.parametrize(
    ("name", "params", "message"),
    [
        ("finetune", {"layers": "lst"}, "'layers' of 'finetune' must be one of all, last .*did you mean 'last'"),
        ("finetune", {"epochs": 0}, "'epochs' of 'finetune' must be a whole number of at least 1 .got 0"),
        ("finetune", {"learning_rate": 0}, "'learning_rate' of 'finetune' must be a number above 0 .got 0"),
        ("finetune", {"keep_zeros": 1}, "'keep_zeros' of 'finetune' must be true or false .got 1"),
        ("retrain", {"layers": "first"}, "'layers' of 'retrain' must be one of last, all"),
        ("prune", {"ratio": 1}, "'ratio' of 'prune' must be a number at least 0 and at most 0.999 .got 1"),
        ("prune-channels", {"ratio": -0.1}, "'ratio' of 'prune-channels' must be a number at least 0"),
        ("fine-prune", {"ratio": "all"}, "'ratio' of 'fine-prune' must be a number at least 0"),
        ("quantize", {"format": "int4"}, "'format' of 'quantize' must be one of int8, fp16 .*did you mean 'int8'"),
        ("weight-noise", {"level": -1}, "'level' of 'weight-noise' must be a number at least 0 .got -1"),
        ("adversarial-training", {"epsilon": 8}, "'epsilon' of 'adversarial-training' must be .* did you mean 8/255"),
        (
            "adversarial-training",
            {"steps": 0},
            "'steps' of 'adversarial-training' must be a whole number",
        ),
        (
            "label-smoothing",
            {"smoothing": 1.0},
            "'smoothing' of 'label-smoothing' must be a number above 0",
        ),
        ("fingerprint-aware", {"rounds": 0}, "'rounds' of 'fingerprint-aware' must be a whole number of at least 1"),
        ("fingerprint-aware", {"max_drop": 2}, "'max_drop' of 'fingerprint-aware' must be a number at least 0 and at"),
    ],
)
def test_wrong_parameters_are_refused_with_their_range(registry, name, params, message):
    with pytest.raises(fpframe.ParameterError, match=message):
        registry.create("attack", name, **params)


def test_the_first_field_names_the_variety_and_the_thief_holds_the_weights(registry):
    first = {}
    for name in {name for name, _, _ in VARIETIES}:
        attack = registry.get("attack", name)
        assert attack.access == "weights"
        first[name] = attrs.fields(attack)[0].name
    assert Counter(first.values()) == Counter(
        {"layers": 2, "ratio": 3, "format": 1, "level": 1, "epsilon": 2, "smoothing": 1}
    )


# --- one by one


def test_finetuning_the_last_layer_changes_nothing_else_not_even_statistics(steal, victim):
    assert changed(state(victim), state(steal("finetune", layers="last"))) == {"13.weight", "13.bias"}


def test_finetuning_all_layers_changes_all_of_them(steal, victim):
    assert changed(state(victim), state(steal("finetune"))) == set(state(victim))


def test_zeros_of_a_pruned_model_stay_unless_the_thief_lets_go_of_them(steal):
    pruned = steal("prune", ratio=0.5)
    zeros = {name: weight == 0 for name, weight in weights_of(pruned.module).items()}
    kept = weights_of(steal("finetune", model=pruned).module)
    free = weights_of(steal("finetune", model=pruned, keep_zeros=False).module)
    for name, mask in zeros.items():
        assert not kept[name][mask].any()
        assert (kept[name] != weights_of(pruned.module)[name])[~mask].any()
    assert sum(int((free[name][mask] != 0).sum()) for name, mask in zeros.items()) > 1000


def test_a_few_zeros_are_not_taken_for_a_pruned_weight():
    layer = nn.Linear(20, 10)
    with torch.no_grad():
        layer.weight.fill_(1)
        layer.bias.zero_()
        layer.weight[0, 0] = 0
    assert zeros_of(layer, least=0.01) == []
    with torch.no_grad():
        layer.weight[0, 1] = 0
    [(weight, mask)] = zeros_of(layer, least=0.01)
    assert weight is layer.weight
    assert mask.nonzero().tolist() == [[0, 0], [0, 1]]


def test_retraining_begins_with_fresh_weights_in_the_last_layer_only(steal, victim):
    still = {"learning_rate": 1e-9, "epochs": 1}
    reset = steal("retrain", **still)
    assert changed(state(victim), state(reset)) == {"13.weight", "13.bias"}
    other = steal("retrain", seed=1, **still)
    old, new, another = (last_layer(model.module).weight.detach() for model in (victim, reset, other))
    assert all(abs(correlation(*pair)) < 0.2 for pair in ((old, new), (new, another)))
    assert new.abs().max() <= new.shape[1] ** -0.5 + 1e-6  # the range that torch draws fresh weights from
    assert changed(state(victim), state(steal("retrain", layers="all"))) == set(state(victim))


def correlation(first, second):
    return float(F.cosine_similarity(first.flatten(), second.flatten(), dim=0))


@pytest.mark.parametrize("ratio", [0, 0.1, 0.4, 0.95])
def test_pruning_zeroes_the_same_weights_as_torch_does_over_all_layers(steal, victim, ratio):
    stolen, reference = steal("prune", ratio=ratio), copy.deepcopy(victim)
    layers = [(m, "weight") for m in reference.module.modules() if isinstance(m, nn.Linear | nn.Conv2d)]
    prune.global_unstructured(layers, pruning_method=prune.L1Unstructured, amount=float(ratio))
    expected = [layer.weight for layer, _ in layers]
    weights = list(weights_of(stolen.module).values())
    assert sum(int((weight == 0).sum()) for weight in weights) == round(ratio * sum(w.numel() for w in weights))
    assert all(torch.equal(weight, other) for weight, other in zip(weights, expected, strict=True))
    assert changed(state(victim), state(stolen)) <= {f"{name}.weight" for name in weights_of(victim.module)}


def test_pruning_is_exact_where_weights_are_equal(steal):
    model = untrained(nn.Flatten, lambda: nn.Linear(64, 10))
    nn.init.ones_(model.module[1].weight)
    assert int((steal("prune", ratio=0.3, model=model).module[1].weight == 0).sum()) == 192


@pytest.mark.parametrize("epochs", [0, 1])
def test_pruned_channels_are_the_weakest_and_give_nothing_for_any_image(steal, victim, digits, epochs):
    stolen = steal("prune-channels", ratio=0.25, epochs=epochs)
    for before, after in zip(hidden_convolutions(victim), hidden_convolutions(stolen), strict=True):
        size = before.layer.weight.abs().sum((1, 2, 3))
        weakest = size.argsort()[: len(size) // 4]
        assert sorted(weakest.tolist()) == silent(stolen, after.last, digits.test.pixels)
        assert not after.layer.weight[weakest].any()


def silent(model, part, pixels):
    """Return the channels of a part that are zero for all images."""
    outputs = []
    hook = part.register_forward_hook(lambda _part, _inputs, output: outputs.append(output))
    model.logits(pixels)
    hook.remove()
    return (torch.cat(outputs) == 0).all(3).all(2).all(0).nonzero().flatten().tolist()


def test_channels_with_a_bias_or_a_normalisation_without_weights_are_silent_too(steal, digits, loot):
    model = untrained(
        lambda: nn.Conv2d(1, 8, 3),
        nn.Tanh,
        lambda: nn.Conv2d(8, 8, 3, groups=8),
        lambda: nn.Conv2d(8, 10, 1),
        lambda: nn.BatchNorm2d(10, affine=False),
        nn.ReLU,
        nn.Flatten,
        lambda: nn.Linear(160, 10),
    )
    fpframe.train(model, loot.pixels, loot.labels, fpframe.Training(epochs=1), seed=0)
    stolen = steal("prune-channels", ratio=0.5, model=model)
    layers = stolen.module
    assert [channels.layer for channels in hidden_convolutions(stolen)] == [layers[0], layers[3]]
    assert len(silent(stolen, layers[0], digits.test.pixels)) == 4
    assert len(silent(stolen, layers[4], digits.test.pixels)) == 5


def test_a_normalisation_belongs_to_the_convolution_whose_output_it_takes(fresh):
    class Crossed(nn.Module):
        def __init__(self):
            super().__init__()
            # as registered, each normalisation follows the wrong convolution
            self.second, self.norm_of_first = nn.Conv2d(4, 4, 3), nn.BatchNorm2d(4)
            self.first, self.norm_of_sum = nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4)
            self.head = nn.Linear(4, 10)

        def forward(self, x):
            x = self.norm_of_first(self.first(x))
            return self.head(self.norm_of_sum(x[..., 2:, 2:] + self.second(x)).mean((2, 3)))

    model = fpframe.Classifier(Crossed(), num_classes=10, image_shape=SHAPE)
    module = model.module
    found = [(channels.layer, channels.norm) for channels in hidden_convolutions(model)]
    assert found == [(module.first, module.norm_of_first), (module.second, None)]
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in module.modules())


def test_fine_pruning_silences_the_channels_that_sleep(steal, victim, digits):
    drowsy, asleep = copy.deepcopy(victim), [3, 17, 40]
    last = hidden_convolutions(drowsy)[-1]
    with torch.no_grad():
        last.norm.bias[asleep] = -50.0  # never positive, though the weights are as large as before
    stolen = steal("fine-prune", ratio=3 / 48, model=drowsy)
    channels = hidden_convolutions(stolen)
    assert silent(stolen, channels[-1].last, digits.test.pixels) == asleep
    assert silent(stolen, channels[0].last, digits.test.pixels) == []


def test_int8_is_torchs_symmetric_grid_with_at_most_255_levels_a_channel(steal, victim):
    stolen = steal("quantize", format="int8")
    for name, weight in weights_of(victim.module).items():
        rounded = weights_of(stolen.module)[name].detach()
        scale = weight.detach().flatten(1).abs().amax(1) / 127
        points = torch.zeros(len(scale), dtype=torch.int32)
        expected = torch.fake_quantize_per_channel_affine(weight.detach(), scale, points, 0, -127, 127)
        torch.testing.assert_close(rounded, expected, rtol=1e-6, atol=1e-7)
        assert max(len(row.unique()) for row in rounded.flatten(1)) <= 255
        assert not torch.equal(rounded, weight)
    assert changed(state(victim), state(stolen)) == {f"{name}.weight" for name in weights_of(victim.module)}


def test_int8_leaves_a_channel_of_zeros_at_zero(steal):
    model = untrained(nn.Flatten, lambda: nn.Linear(64, 10))
    with torch.no_grad():
        model.module[1].weight[4] = 0
    weight = steal("quantize", model=model).module[1].weight
    assert weight.isfinite().all()
    assert weight.any(1).tolist() == [row != 4 for row in range(10)]


def test_fp16_values_can_be_held_in_sixteen_bits_and_never_overflow(steal, victim):
    large = copy.deepcopy(victim)
    with torch.no_grad():
        large.module[1].running_var[0] = 1e6
    stolen = state(steal("quantize", format="fp16", model=large))
    floats = {name: value for name, value in stolen.items() if value.is_floating_point()}
    assert all(torch.equal(value.half().float(), value) for value in floats.values())
    assert float(stolen["1.running_var"][0]) == 65504
    assert {name for name in floats if name.endswith("weight")} <= changed(state(victim), stolen)


def test_the_noise_on_weights_has_the_size_that_is_asked_for(steal, victim):
    for level in (0.05, 0.5):
        stolen = weights_of(steal("weight-noise", level=level).module)
        for name, weight in weights_of(victim.module).items():
            noise = ((stolen[name] - weight) / weight.std()).detach()
            assert float(noise.std()) == pytest.approx(level, rel=0.25)
            assert float(noise.mean()) == pytest.approx(0, abs=level / 2)


def test_adversarial_training_lowers_the_success_of_fast_gradient_signs(steal, victim, digits):
    stolen = steal("adversarial-training", epsilon=0.1, epochs=4)
    assert fgsm_success(stolen, digits.test) < 0.9 * fgsm_success(victim, digits.test)


def fgsm_success(model, images, epsilon=0.1):
    """Return the share of images that get a wrong label after one signed gradient step."""
    pixels = images.pixels.clone().requires_grad_(True)
    with fpframe.evaluating(model):
        (slope,) = torch.autograd.grad(F.cross_entropy(model(pixels), images.labels), pixels)
    return 1 - model.accuracy((images.pixels + epsilon * slope.sign()).clamp(0, 1), images.labels)


@pytest.mark.parametrize("steps", [1, 3])
def test_one_half_of_each_batch_is_adversarial_within_its_bound(registry, victim, loot, steps):
    attack = registry.create("attack", "adversarial-training", epsilon=0.07, steps=steps)
    model, pixels, labels = copy.deepcopy(victim), loot.pixels[:40], loot.labels[:40]
    statistics = state(model)
    moved = attack._disturb(model.train(), pixels, labels)
    assert torch.equal(moved[20:], pixels[20:])
    shift = (moved - pixels)[:20]
    assert 0.05 < float(shift.abs().max()) <= 0.07 + 1e-6
    assert float(moved.min()) >= 0
    assert float(moved.max()) <= 1
    assert not changed(statistics, state(model)), "crafting must not move the statistics of batch normalisation"
    harder = F.cross_entropy(victim.logits(moved[:20]), labels[:20])
    assert harder > F.cross_entropy(victim.logits(pixels[:20]), labels[:20]) + 0.1


def test_label_smoothing_lowers_confidence_more_than_fine_tuning_does(steal, digits):
    plain = confidence(steal("finetune"), digits.test.pixels)
    some, much = (confidence(steal("label-smoothing", smoothing=s), digits.test.pixels) for s in (0.1, 0.5))
    assert some < plain - 0.005
    assert much < some - 0.05


def test_the_informed_thief_weakens_a_universal_perturbation_that_was_crafted_on_the_victim(steal, victim, digits):
    own, pixels = digits.train[:700], digits.test.pixels
    delta = Uap(epsilon=0.1, steps=400)(victim, own.pixels, own.labels, seed=9).delta
    stolen = steal("fingerprint-aware")
    before, after = (fooling_rate(m, pixels, m.logits(pixels).argmax(1), delta) for m in (victim, stolen))
    assert after < 0.8 * before


@pytest.mark.parametrize("max_drop", [0.0, 0.02, 0.1])
def test_the_informed_thief_never_gives_up_more_accuracy_than_it_accepts(steal, victim, loot, max_drop):
    seen = []

    class Watched(fpframe.Classifier):
        def logits(self, pixels, *, batch_size=512):
            seen.append(len(pixels))
            return super().logits(pixels, batch_size=batch_size)

    model = Watched(copy.deepcopy(victim.module), num_classes=10, image_shape=SHAPE)
    # a rate that ruins the copy: only a thief who watches can come out well
    stolen = steal("fingerprint-aware", model=model, max_drop=max_drop, learning_rate=0.3, rounds=2)
    held_out = {size for size in seen if size < 100}
    assert held_out == {73}
    order = torch.randperm(len(loot), generator=generator(0, "held out"))
    watched = loot[order[:73]]
    drop = victim.accuracy(watched.pixels, watched.labels) - stolen.accuracy(watched.pixels, watched.labels)
    assert drop <= max_drop + 1e-6


def test_the_informed_thief_keeps_the_last_round_within_its_bound_which_counts_as_within(steal, loot, monkeypatch):
    from fpframe_plugins.attacks import fingerprint_aware

    right, states = iter([50, 47, 48, 47]), []  # before the attack, and after each round

    def count(model, images):
        states.append(state(model))
        return next(right)

    monkeypatch.setattr(fingerprint_aware, "_count_right", count)
    monkeypatch.setattr(fingerprint_aware, "_CRAFT_STEPS", 20)
    stolen = steal("fingerprint-aware", data=loot[:150], rounds=3, max_drop=2 / 50)
    assert [bool(changed(kept, state(stolen))) for kept in states] == [True, True, False, True]


def test_an_informed_thief_for_whom_every_round_costs_too_much_keeps_the_model_as_it_was(steal, victim):
    stolen = steal("fingerprint-aware", max_drop=0.0, learning_rate=0.5, rounds=1)
    assert not changed(state(victim), state(stolen))
    assert changed(state(victim), state(steal("fingerprint-aware", max_drop=1.0, learning_rate=0.5, rounds=1)))


# --- architectures


@pytest.mark.parametrize("name", ["prune-channels", "fine-prune"])
def test_the_channels_of_a_residual_network_of_timm_are_silent(registry, steal, name):
    model = build_backbone(registry, "timm:test_resnet", num_classes=10, image_shape=(3, 32, 32), seed=0)
    data = colours(40)
    stolen = steal(name, model=model, data=data, ratio=0.5)
    channels = hidden_convolutions(stolen)
    assert all(part.norm is not None for part in channels)
    for part in channels if name == "prune-channels" else channels[-1:]:
        assert len(silent(stolen, part.layer, data.pixels)) == part.layer.out_channels // 2
        assert len(silent(stolen, part.norm, data.pixels)) >= part.layer.out_channels // 2


@pytest.mark.parametrize(
    ("backbone", "head"), [("timm:test_resnet", "fc"), ("torchvision:squeezenet1_1", "classifier.1")]
)
def test_the_last_layer_of_other_networks_is_all_that_learns(registry, steal, backbone, head):
    model = build_backbone(registry, backbone, num_classes=10, image_shape=(3, 32, 32), seed=0)
    stolen = steal("finetune", model=model, data=colours(20), layers="last", epochs=1)
    difference = changed(state(model), state(stolen))
    assert {name.rpartition(".")[2] for name in difference} == {"weight", "bias"}
    assert len(difference) == 2
    assert all(name.rpartition(".")[0].endswith(head) for name in difference)


def colours(count):
    source = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (count, 3, 32, 32), dtype=torch.uint8, generator=source)
    return fpframe.Images(images, torch.arange(count) % 10)


@pytest.mark.parametrize(
    ("name", "params", "message"),
    [
        ("finetune", {"layers": "last"}, "neither a linear layer nor a convolution"),
        ("retrain", {}, "neither a linear layer nor a convolution"),
        ("prune", {}, "no weights in linear layers or convolutions"),
        ("quantize", {}, "no weights in linear layers or convolutions"),
        ("weight-noise", {}, "no weights in linear layers or convolutions"),
    ],
)
def test_a_model_without_layers_is_refused(steal, name, params, message):
    model = fpframe.Classifier(nn.Sequential(nn.Flatten(), nn.BatchNorm1d(64)), num_classes=64, image_shape=SHAPE)
    with pytest.raises(fpframe.ModelError, match=f"the model has {message} .*Sequential.; leave this attack out"):
        steal(name, model=model, **params)


@pytest.mark.parametrize("name", ["prune-channels", "fine-prune"])
def test_a_model_without_convolutions_has_no_channels_to_prune(steal, name):
    with pytest.raises(fpframe.ModelError, match="no convolution before its last layer"):
        steal(name, model=untrained(nn.Flatten, lambda: nn.Linear(64, 10)))


def test_weights_that_are_computed_from_others_are_not_changed_in_vain(steal):
    module = nn.Sequential(nn.Flatten(), nn.utils.parametrizations.weight_norm(nn.Linear(64, 10)))
    with pytest.raises(fpframe.ModelError, match="no weights in linear layers or convolutions"):
        steal("prune", model=fpframe.Classifier(module, num_classes=10, image_shape=SHAPE))
