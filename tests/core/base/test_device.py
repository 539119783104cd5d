"""The device: who decides it, that a CPU trains as ever, and what training on a GPU changes and leaves as it was."""

from __future__ import annotations

import copy
import subprocess
import sys

import attrs
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from fpframe import AttackContext, Classifier, Training, UsageError, build_backbone, train
from fpframe.base.device import CHOICE, computing_device
from fpframe.base.machine import machine_profile
from fpframe.models.arithmetic import BFLOAT16, CHANNELS_LAST, Arithmetic
from fpframe.models.classifier import state_digest
from fpframe.rng import threads
from fpframe.zoo.make import _query

SHAPE = (1, 8, 8)
#: The attacks that train; with what makes them quick.
TRAINING_ATTACKS = {
    "adversarial-training": {},
    "extract": {},
    "extract-adversarial": {},
    "extract-jacobian": {"rounds": 1, "seeds": 1.0},
    "extract-noise": {},
    "fine-prune": {},
    "fingerprint-aware": {"rounds": 1},
    "finetune": {},
    "gate": {},
    "knockoff": {"policy": "adaptive", "rounds": 2},
    "label-smoothing": {},
    "mix": {},
    "prune-channels": {},
    "retrain": {},
}
needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")


@pytest.fixture(autouse=True)
def _no_choice(monkeypatch):
    monkeypatch.delenv(CHOICE, raising=False)


@pytest.fixture
def with_gpus(monkeypatch):
    """Return a function that makes torch find so many CUDA devices."""

    def find(count):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: count > 0)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: count)

    return find


@pytest.fixture
def on_cpu(monkeypatch):
    monkeypatch.setenv(CHOICE, "cpu")


@pytest.fixture
def mixed(monkeypatch):
    """Train on the CPU as on a GPU: in mixed precision."""
    on_gpu = Arithmetic(memory_format=CHANNELS_LAST, precision=BFLOAT16)
    monkeypatch.setattr(Arithmetic, "fast_for", classmethod(lambda cls, model, device, batch_size: on_gpu))


def network(seed=0):
    """Return a small network of all that behaves differently in training: batch normalisation and dropout."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        module = nn.Sequential(
            nn.Conv2d(1, 16, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(16),
            nn.ReLU(),
            nn.Dropout2d(0.1),
            nn.Flatten(),
            nn.Dropout(0.1),
            nn.Linear(16 * 16, 10),
        )
    return Classifier(module, num_classes=10, image_shape=SHAPE, mean=(0.3,), std=(0.4,))


def layouts(model):
    return {name: (value.dtype, value.device, value.stride()) for name, value in model.state_dict().items()}


# --- who decides


@pytest.mark.parametrize(("gpus", "device"), [(0, "cpu"), (1, "cuda"), (2, "cuda")])
def test_a_gpu_computes_where_there_is_one(with_gpus, monkeypatch, gpus, device):
    with_gpus(gpus)
    assert computing_device() == torch.device(device)
    monkeypatch.setenv(CHOICE, "")
    assert computing_device() == torch.device(device)


@pytest.mark.parametrize("name", ["cpu", "cuda", "cuda:0", "cuda:1"])
def test_the_environment_has_the_last_word(with_gpus, monkeypatch, name):
    with_gpus(2)
    monkeypatch.setenv(CHOICE, name)
    assert computing_device() == torch.device(name)


@pytest.mark.parametrize("name", ["gpu", "CUDA", "cuda:", "cuda:-1", "cuda:01", "cpu:0", "mps", " cpu"])
def test_a_word_that_is_no_device_is_refused_in_one_line(with_gpus, monkeypatch, name):
    with_gpus(2)
    monkeypatch.setenv(CHOICE, name)
    with pytest.raises(UsageError) as caught:
        computing_device()
    assert str(caught.value) == (
        f"'{name}' is not a device to compute on (FPFRAME_DEVICE); set it to cpu, cuda or cuda:N, or unset it"
    )


@pytest.mark.parametrize(
    ("gpus", "name", "found"),
    [
        (0, "cuda", "no CUDA devices"),
        (0, "cuda:0", "no CUDA devices"),
        (1, "cuda:1", "1 CUDA device "),
        (2, "cuda:9999", "2 CUDA"),
    ],
)
def test_a_gpu_that_is_not_there_is_refused_in_one_line(with_gpus, monkeypatch, gpus, name, found):
    with_gpus(gpus)
    monkeypatch.setenv(CHOICE, name)
    with pytest.raises(
        UsageError, match=rf"^'{name}' cannot be used.* finds {found}.*\(FPFRAME_DEVICE\); set it to cpu"
    ):
        computing_device()


def test_training_on_a_device_that_is_not_there_is_refused_before_a_weight_changes(with_gpus, monkeypatch, digits):
    with_gpus(0)
    monkeypatch.setenv(CHOICE, "cuda")
    model, few = network(), digits.train[:32]
    with pytest.raises(UsageError, match="torch finds no CUDA devices"):
        train(model, few.pixels, few.labels, Training(epochs=1), seed=0)
    assert state_digest(model) == state_digest(network())


@pytest.mark.parametrize(
    ("opened", "choice", "named"), [(False, "cuda", False), (True, "cuda", True), (True, "cpu", False)]
)
def test_the_machine_profile_names_the_gpu_of_a_process_that_computes_on_it(
    with_gpus, monkeypatch, opened, choice, named
):
    with_gpus(1)
    monkeypatch.setenv(CHOICE, choice)
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: opened)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: f"name of {device}")
    assert machine_profile().get("cuda") == ("name of cuda" if named else None)


# --- on a CPU


@pytest.mark.slow
@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("memory_format", ["contiguous", "channels-last"])
@pytest.mark.parametrize("backbone", [None, "paper:arc-d", "reduced:resnet18"])
def test_a_cpu_trains_to_the_bits_of_a_plain_loop(on_cpu, registry, backbone, memory_format, precision, soft):
    seed, layout = 1, torch.channels_last if memory_format == "channels-last" else torch.preserve_format
    shape = (1, 16, 16)
    source = torch.Generator().manual_seed(seed)
    pixels, labels = torch.rand(49, *shape, generator=source), torch.randint(0, 10, (49,), generator=source)
    targets = torch.rand(49, 10, generator=source).softmax(1) if soft else labels

    def fresh():
        if backbone is not None:
            return build_backbone(registry, backbone, num_classes=10, image_shape=shape, seed=seed)
        module = nn.Sequential(network(seed).module[:4], nn.AdaptiveAvgPool2d(4), network(seed).module[4:])
        return Classifier(module, num_classes=10, image_shape=shape)

    with threads(1):
        training = Training(epochs=2, batch_size=16, memory_format=memory_format, precision=precision)
        fitted = train(fresh(), pixels, targets, training, seed=seed)
        plain = fresh().train().to(memory_format=layout)
        optimizer = torch.optim.AdamW(plain.parameters(), lr=3e-3, weight_decay=1e-2, fused=True)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=6, pct_start=0.2)
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            for _ in range(2):
                for chosen in torch.randperm(49)[:48].split(16):  # the last image would be alone
                    optimizer.zero_grad()
                    seen = pixels[chosen].to(memory_format=layout)
                    with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
                        logits = plain(seen)
                    F.cross_entropy(logits.float(), targets[chosen]).backward()
                    optimizer.step()
                    schedule.step()
    assert state_digest(fitted) == state_digest(plain)
    assert layouts(fitted) == layouts(fresh())


# --- as on a GPU, but for the device


def test_mixed_precision_learns_and_leaves_types_layouts_and_random_state_as_they_were(mixed, digits):
    model, own = network(), digits.train[:700]
    before, tensors = layouts(model), [*model.parameters(), *model.buffers()]
    state = torch.get_rng_state()
    train(model, own.pixels, own.labels, Training(epochs=8, batch_size=32), seed=0)
    assert torch.equal(torch.get_rng_state(), state)
    assert layouts(model) == before
    assert all(tensor.is_contiguous() for tensor in model.state_dict().values())
    assert all(now is then for now, then in zip([*model.parameters(), *model.buffers()], tensors, strict=True))
    assert all(weight.grad is None for weight in model.parameters())
    assert not any(module.training for module in model.modules())
    assert model.accuracy(digits.test.pixels, digits.test.labels) > 0.9


def test_a_backbone_with_a_layout_of_its_own_keeps_it(mixed, registry, digits):
    own = digits.train[:32]
    pixels = F.interpolate(own.pixels, 16)
    model = build_backbone(registry, "reduced:resnet18", num_classes=10, image_shape=(1, 16, 16), seed=0)
    before = layouts(model)
    train(model, pixels, own.labels, Training(epochs=1, batch_size=16), seed=0)
    assert layouts(model) == before


def test_batches_and_weights_are_float32_in_the_fast_layout_and_logits_are_those_of_bfloat16(mixed, digits):
    few, seen = digits.train[:64], []

    def disturb(model, pixels, labels):
        weight = model.module[3].weight
        seen.append((pixels.dtype, weight.dtype, torch.is_autocast_enabled("cpu")))
        assert pixels.is_contiguous(memory_format=torch.channels_last)
        assert weight.is_contiguous(memory_format=torch.channels_last)
        assert not weight.is_contiguous()
        return pixels

    def loss(logits, labels):
        assert logits.dtype == torch.float32
        assert torch.equal(logits, logits.bfloat16().float())
        return F.cross_entropy(logits, labels)

    deep = nn.Sequential(
        nn.Conv2d(1, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 8, 3), nn.Flatten(), nn.Linear(128, 10)
    )
    model = Classifier(deep, num_classes=10, image_shape=SHAPE)
    train(model, few.pixels, few.labels, Training(epochs=1, batch_size=32), seed=0, disturb=disturb, loss=loss)
    assert seen == [(torch.float32, torch.float32, False)] * 2


def test_a_training_that_fails_leaves_the_model_in_its_place(mixed, digits):
    model, few = network(), digits.train[:64]
    before = layouts(model)

    def fail():
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        train(model, few.pixels, few.labels, Training(epochs=1), seed=0, after_step=fail)
    assert layouts(model) == before
    assert state_digest(model) != state_digest(network())
    assert copy.deepcopy(model).logits(few.pixels).isfinite().all()


class TooLarge(torch.Tensor):
    """Data that no device has room for, but for a batch."""

    def to(self, *args, **kwargs):
        raise torch.OutOfMemoryError("CUDA out of memory")

    def __getitem__(self, index):
        return self.as_subclass(torch.Tensor)[index]


def test_data_that_do_not_fit_are_sent_batch_by_batch_for_the_same_weights(mixed, digits):
    few, brief = digits.train[:64], Training(epochs=2, batch_size=16)
    fitted = train(network(), few.pixels, few.labels, brief, seed=0)
    large = few.pixels.as_subclass(TooLarge)
    assert state_digest(train(network(), large, few.labels, brief, seed=0)) == state_digest(fitted)


# --- every attack that trains


def stolen(registry, digits, name):
    """Return what an attack makes of a victim, or of a student that asks it."""
    attack, loot = registry.create("attack", name, **TRAINING_ATTACKS[name]), digits.train[700:1000]
    victim = build_backbone(registry, "paper:arc-d", num_classes=10, image_shape=SHAPE, seed=0)
    training = Training(epochs=4, batch_size=32)
    train(victim, loot.pixels, loot.labels, training, seed=0)
    before = layouts(victim)
    student, teacher = copy.deepcopy(victim), None
    if attack.access != "weights":
        student = build_backbone(registry, "paper:arc-d", num_classes=10, image_shape=SHAPE, seed=1)
        teacher = victim.as_query()
    companion = build_backbone(registry, "paper:arc-d", num_classes=10, image_shape=SHAPE, seed=2)
    context = AttackContext(training=training, companion=companion if attack.companion else None)
    copied = attack.simulate(student, teacher, loot, context=context, seed=0)
    for part in (copied.module.stolen, copied.module.own) if attack.companion else (copied,):
        assert layouts(part) == before
    return copied


def test_every_attack_that_trains_is_tried_here(registry):
    attacks = {name for name in registry.names("attack") if registry.create("attack", name).image_passes(100, 1) > 0}
    by_art = {name for name in attacks if name.startswith("art-")}  # they need the library, which trains
    assert attacks - by_art == set(TRAINING_ATTACKS)


@pytest.mark.slow
@pytest.mark.parametrize("name", TRAINING_ATTACKS)
def test_every_attack_trains_in_mixed_precision(mixed, registry, digits, name):
    assert stolen(registry, digits, name).accuracy(digits.test.pixels, digits.test.labels) > 0.3


# --- on a GPU


@needs_cuda
def test_deciding_takes_no_memory_on_the_gpu():
    asked = "import torch, fpframe.base.device as d; print(d.computing_device(), torch.cuda.is_initialized())"
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["cuda", "False"]


@needs_cuda
def test_a_gpu_trains_to_the_accuracy_of_a_cpu_and_gives_the_model_back(monkeypatch, digits):
    own, training, accuracy = digits.train[:700], Training(epochs=8, batch_size=32), {}
    for device in ("cpu", "cuda"):
        monkeypatch.setenv(CHOICE, device)
        model, seen = network(), set()
        before, state = layouts(model), (torch.get_rng_state(), torch.cuda.get_rng_state())

        def disturb(model, pixels, labels, seen=seen):
            seen.update(tensor.device.type for tensor in (pixels, labels, *model.parameters(), *model.buffers()))
            return pixels

        train(model, own.pixels, own.labels, training, seed=0, disturb=disturb)
        assert seen == {device}
        assert layouts(model) == before
        assert torch.equal(torch.get_rng_state(), state[0])
        assert torch.equal(torch.cuda.get_rng_state(), state[1])
        accuracy[device] = model.accuracy(digits.test.pixels, digits.test.labels)
    assert accuracy["cuda"] > 0.9
    assert abs(accuracy["cuda"] - accuracy["cpu"]) < 0.03


@needs_cuda
def test_a_model_that_is_on_the_gpu_stays_there(digits):
    model, few = network().to("cuda"), digits.train[:64]
    train(model, few.pixels, few.labels, Training(epochs=1), seed=0)
    assert {tensor.device.type for tensor in (*model.parameters(), *model.buffers())} == {"cuda"}


@needs_cuda
def test_a_model_is_asked_on_the_gpu_and_the_victim_itself_stays(monkeypatch, digits):
    model, few = network(), digits.test[:64]
    here = model.as_query()(few.pixels)
    copies = []
    monkeypatch.setattr(Classifier, "as_query", lambda asked, **_: copies.append(asked))
    _query(model)
    assert (model.device.type, copies[0].device.type) == ("cpu", "cuda")
    torch.testing.assert_close(copies[0].logits(few.pixels).softmax(1), here, atol=1e-2, rtol=0)


@needs_cuda
@pytest.mark.parametrize("name", TRAINING_ATTACKS)
def test_every_attack_trains_on_the_gpu(registry, digits, name):
    assert stolen(registry, digits, name).accuracy(digits.test.pixels, digits.test.labels) > 0.3


@needs_cuda
def test_a_pruned_model_stays_pruned_on_the_gpu(registry, digits):
    loot = digits.train[700:1000]
    victim = build_backbone(registry, "paper:arc-d", num_classes=10, image_shape=SHAPE, seed=0)
    context = AttackContext(training=attrs.evolve(Training(), batch_size=32))
    pruned = registry.create("attack", "prune").simulate(victim, None, loot, context=context, seed=0)
    zeros = {name: weight == 0 for name, weight in pruned.state_dict().items() if weight.ndim >= 2}
    tuned = registry.create("attack", "finetune").simulate(pruned, None, loot, context=context, seed=0)
    assert any(mask.any() for mask in zeros.values())
    assert all(not tuned.state_dict()[name][mask].any() for name, mask in zeros.items())
