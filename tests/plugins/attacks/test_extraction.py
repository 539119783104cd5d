"""Thieves who only see answers: what they ask, what they may see, and that they get what they came for."""

from __future__ import annotations

import copy

import attrs
import pytest
import torch
import torch.nn.functional as F

import fpframe
from fpframe import AttackContext, Images, ParameterError, Query, ResourceError, Training, UsageError, train
from fpframe.models.classifier import state_digest
from fpframe.opening.backbones import build_backbone
from fpframe_plugins.attacks._gradient_bandit import GradientBandit, rewards
from fpframe_plugins.attacks.extract import soften

ATTACKS = {
    "extract": {},
    "extract-noise": {},
    "extract-adversarial": {},
    "extract-jacobian": {},
    "knockoff": {},
    "knockoff-adaptive": {"policy": "adaptive"},
}
TRAINING = Training(epochs=8, batch_size=32)
CONTEXT = AttackContext(training=TRAINING)
BRIEFLY = AttackContext(training=attrs.evolve(TRAINING, epochs=1))

every_attack = pytest.mark.parametrize("attack", ATTACKS)


@pytest.fixture(scope="module")
def loot(digits):
    """The thief's images, which the victim has not seen."""
    return digits.train[700:]


@pytest.fixture(scope="module")
def victim(registry, digits):
    network = build_backbone(registry, "paper:arc-a", num_classes=10, image_shape=(1, 8, 8), seed=0)
    half = digits.train[:700]
    return train(network, half.pixels, half.labels, Training(epochs=10, batch_size=32), seed=0)


@pytest.fixture
def student(registry):
    return build_backbone(registry, "paper:arc-e", num_classes=10, image_shape=(1, 8, 8), seed=1)


@pytest.fixture
def make(registry):
    """Return a maker of attacks from a key of `ATTACKS`."""

    def attack(key, **params):
        name = "knockoff" if key.startswith("knockoff") else key
        return registry.create("attack", name, **{**ATTACKS[key], **params})

    return attack


class Watched(Query):
    """A teacher that remembers what it was asked, call by call."""

    def __init__(self, model, *, outputs="logits"):
        self.asked = []
        answer = model.logits if outputs == "logits" else lambda pixels: model.logits(pixels).argmax(1)
        super().__init__(answer, num_classes=10, outputs=outputs, batch_size=512)

    def __call__(self, pixels):
        answers = super().__call__(pixels)
        self.asked.append(pixels.clone())
        return answers


class Trainings:
    """Stands in for `fpframe.train`, and remembers the calls."""

    def __init__(self, *, really):
        self.really, self.calls, self.students = really, [], []

    def __call__(self, model, pixels, targets, training, **options):
        assert not pixels.requires_grad
        self.calls.append((pixels, targets, training, options))
        fitted = train(model, pixels, targets, training, **options) if self.really else model.eval()
        self.students.append(copy.deepcopy(fitted))
        return fitted


@pytest.fixture
def trainings(monkeypatch):
    """Watch every training; nothing is learned unless `really` is set."""
    watched = Trainings(really=False)
    monkeypatch.setattr(fpframe, "train", watched)
    return watched


def without_labels(images):
    """Return the images with labels that would teach a student to say zero."""
    return Images(images.images, torch.zeros_like(images.labels))


def agreement(one, other, pixels):
    return float((one.logits(pixels).argmax(1) == other.logits(pixels).argmax(1)).float().mean())


@every_attack
@pytest.mark.parametrize("labels", ["soft", "top1"])
def test_a_student_learns_the_victims_answers_and_not_the_true_labels(
    make, digits, loot, victim, student, attack, labels
):
    copied = make(attack, labels=labels).simulate(
        student, victim.as_query(), without_labels(loot), context=CONTEXT, seed=0
    )
    assert agreement(copied, victim, digits.test.pixels) > 0.75


@every_attack
def test_without_a_teacher_the_true_labels_are_learned(make, digits, student, attack):
    thief = make(attack)
    assert thief.takes_true_labels
    fitted = thief.simulate(student, None, digits.train, context=CONTEXT, seed=0)
    assert fitted.accuracy(digits.test.pixels, digits.test.labels) > 0.85


@every_attack
def test_a_top1_thief_never_sees_probabilities(make, loot, victim, student, attack):
    digests = set()
    for outputs in ("logits", "labels"):
        thief = make(attack, labels="top1")
        teacher = Watched(victim, outputs=outputs)
        fitted = thief.simulate(copy.deepcopy(student), teacher, loot[:200], context=BRIEFLY, seed=0)
        digests.add(state_digest(fitted.module))
    soft = make(attack, labels="soft").simulate(student, Watched(victim), loot[:200], context=BRIEFLY, seed=0)
    assert len(digests) == 1
    assert state_digest(soft.module) not in digests


@every_attack
def test_every_query_is_an_8_bit_image_and_is_counted(make, loot, victim, student, attack):
    teacher = Watched(victim)
    make(attack).simulate(student, teacher, loot[:100], context=BRIEFLY, seed=0)
    pixels = torch.cat(teacher.asked)
    expected = {"extract-noise": 200, "extract-adversarial": 200, "extract-jacobian": 20 * 8}.get(attack, 100)
    assert len(pixels) == teacher.spent == expected
    assert torch.equal((pixels * 255).round() / 255, pixels)
    assert pixels.min() >= 0
    assert pixels.max() <= 1


@every_attack
def test_the_budget_is_enforced_by_the_teacher_and_spent_no_further(make, loot, victim, student, attack):
    teacher = Watched(victim)
    teacher(loot.pixels[:7])  # what was asked before the attack is not part of its budget
    make(attack, budget=101).simulate(student, teacher, loot, context=BRIEFLY, seed=0)
    assert 90 < sum(map(len, teacher.asked[1:])) == teacher.spent - 7 <= 101
    with pytest.raises(ResourceError, match="more queries are needed"):
        teacher(loot.pixels[:12])


@every_attack
def test_a_budget_does_not_loosen_the_limit_of_the_teacher(make, loot, victim, student, attack):
    teacher = Watched(victim)
    teacher.max_queries = 50
    with pytest.raises(ResourceError, match="more queries are needed"):
        make(attack, budget=101).simulate(student, teacher, loot, context=BRIEFLY, seed=0)
    assert teacher.spent <= 50


@pytest.mark.parametrize(
    ("attack", "images_each"),
    [("extract", 1), ("extract-noise", 4), ("extract-adversarial", 4), ("extract-jacobian", 8), ("knockoff", 1)],
)
def test_a_budget_below_two_natural_images_and_their_copies_is_refused(make, attack, images_each):
    rounds = {} if attack == "extract" else {"rounds": 3}
    make(attack, budget=2 * images_each, **rounds)
    with pytest.raises(ParameterError, match=rf"'budget' of '{attack}' .*at least {2 * images_each}"):
        make(attack, budget=2 * images_each - 1, **rounds)


@every_attack
def test_the_same_seed_gives_the_same_student_and_leaves_global_randomness_alone(make, loot, victim, student, attack):
    before = torch.random.get_rng_state()
    first, second, other = (
        state_digest(
            make(attack)
            .simulate(copy.deepcopy(student), victim.as_query(), loot[:200], context=BRIEFLY, seed=seed)
            .module
        )
        for seed in (5, 5, 6)
    )
    assert first == second != other
    assert torch.equal(torch.random.get_rng_state(), before)


@every_attack
@pytest.mark.parametrize("epochs", [1, 7])
@pytest.mark.parametrize("budget", [None, 53])
def test_image_passes_are_what_is_learned_from(make, loot, victim, student, trainings, attack, epochs, budget):
    thief = make(attack, budget=budget)
    context = AttackContext(training=Training(epochs=epochs, batch_size=32))
    thief.simulate(student, victim.as_query(), loot[:150], context=context, seed=0)
    learned = sum(len(pixels) * training.epochs for pixels, _, training, _ in trainings.calls)
    assert thief.image_passes(150, epochs) == learned > 0


def test_a_temperature_is_learned_at(make, digits, loot, victim, student):
    plain = make("extract").simulate(copy.deepcopy(student), victim.as_query(), loot, context=CONTEXT, seed=0)
    warm = make("extract", temperature=4.0).simulate(student, victim.as_query(), loot, context=CONTEXT, seed=0)
    assert agreement(warm, victim, digits.test.pixels) > 0.75
    assert state_digest(warm.module) != state_digest(plain.module)


def test_probabilities_soften_as_the_logits_behind_them_do():
    logits = 5 * torch.randn(20, 10, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(soften(logits.softmax(1), 4.0), (logits / 4).softmax(1))
    one_hot = torch.eye(10)
    assert torch.equal(soften(one_hot, 4.0), one_hot)


def test_at_a_high_temperature_the_students_logits_are_drawn_to_the_victims(make, loot, victim, student, trainings):
    make("extract", temperature=1000.0).simulate(student, victim.as_query(), loot[:50], context=CONTEXT, seed=0)
    [(pixels, targets, _, options)] = trainings.calls
    logits = student.logits(pixels).double()
    wanted = victim.logits(pixels).double()
    slope = torch.func.grad(options["loss"])(logits, targets.double()) * len(pixels)
    # Hinton et al., equation 4, where the square of the temperature is what keeps it from vanishing
    centred = (logits - logits.mean(1, keepdim=True)) - (wanted - wanted.mean(1, keepdim=True))
    torch.testing.assert_close(slope, centred / 10, rtol=0.05, atol=0.02)


def test_a_temperature_for_labels_is_refused(make):
    with pytest.raises(ParameterError, match="'temperature' of 'extract' must be 1 with labels=top1"):
        make("extract", labels="top1", temperature=4.0)


def test_noisy_copies_have_the_noise_that_was_asked_for(make, loot, victim, student):
    teacher = Watched(victim)
    make("extract-noise", noise=0.05, rounds=2).simulate(student, teacher, loot, context=BRIEFLY, seed=0)
    natural, *noisy = teacher.asked
    inside = (natural > 0.25) & (natural < 0.75)  # clipping narrows it elsewhere
    assert len(noisy) == 2
    assert not torch.equal(*noisy)
    for pixels in noisy:
        assert float((pixels - natural)[inside].std()) == pytest.approx(0.05, rel=0.05)


def test_adversarial_queries_are_harder_for_the_student_of_the_last_round(make, loot, victim, student, trainings):
    trainings.really = True
    teacher = Watched(victim)
    thief = make("extract-adversarial", epsilon=0.2, rounds=2)
    longer = AttackContext(training=attrs.evolve(TRAINING, epochs=30))
    thief.simulate(student, teacher, loot[:300], context=longer, seed=0)
    natural, *crafted = teacher.asked
    answers = victim.logits(natural).softmax(1)
    for pixels, copied in zip(crafted, trainings.students, strict=False):
        assert float((pixels - natural).abs().max()) <= 0.2 + 1 / 255
        assert F.cross_entropy(copied.logits(pixels), answers) > 2 * F.cross_entropy(copied.logits(natural), answers)


def test_jacobian_augmentation_doubles_the_images_along_the_sign_of_the_jacobian(
    make, loot, victim, student, trainings
):
    trainings.really = True
    teacher = Watched(victim)
    make("extract-jacobian", seeds=0.1, step=0.1, rounds=3).simulate(
        student, teacher, loot[:300], context=CONTEXT, seed=0
    )
    assert [len(pixels) for pixels in teacher.asked] == [30, 30, 60, 120]
    assert [len(pixels) for pixels, *_ in trainings.calls] == [30, 60, 120, 240]
    for turn in (1, 2, 3):
        images, moved = torch.cat(teacher.asked[:turn]), teacher.asked[turn]
        copied, labels = trainings.students[turn - 1], victim.logits(images).argmax(1)
        jacobian = torch.func.jacrev(lambda x, copied=copied: copied(x).softmax(1).sum(0))(images)
        slopes = jacobian[labels, torch.arange(len(images))]
        told = (slopes.abs() > 1e-6) & (images > 0.11) & (images < 0.89)
        assert told.any()
        assert torch.equal((moved - images)[told].sign(), slopes[told].sign())
        assert float(((moved - images)[told].abs() - 0.1).abs().max()) < 1 / 255


def test_the_bandit_draws_every_image_once_and_prefers_kinds_that_were_rewarded():
    kinds = torch.arange(4).repeat_interleave(100)
    bandit = GradientBandit(kinds, torch.Generator().manual_seed(0))
    drawn, shares = [], []
    for _ in range(8):
        images, chosen = bandit.draw(50)
        assert torch.equal(kinds[images], torch.tensor(chosen))
        bandit.learn(chosen, torch.tensor([float(kind == 2) for kind in chosen]))
        drawn.append(images)
        shares.append(chosen.count(2) / 50)
    assert torch.equal(torch.cat(drawn).sort().values, torch.arange(400))
    assert shares[1] > 0.4 > shares[0]
    assert shares[-1] == 0  # none of them is left


def test_rewards_are_margin_novelty_and_error():
    usual = torch.tensor([0.5, 0.3, 0.2])
    answers = torch.tensor([[0.7, 0.2, 0.1], [0.0, 0.0, 1.0]])
    logits = torch.tensor([[0.7, 0.2, 0.1], [0.5, 0.25, 0.25]]).log()
    entropy = -(answers[0] * answers[0].log()).sum()
    expected = torch.stack([0.5 + 0.2 + 1 - torch.exp(-entropy), torch.tensor(1 + 0.8 + 0.75)])
    torch.testing.assert_close(rewards(answers, logits, usual), expected)


@pytest.mark.parametrize("labels", ["soft", "top1"])
def test_an_adaptive_knockoff_asks_more_about_informative_classes(make, loot, victim, student, labels):
    junk = torch.arange(5).repeat_interleave(len(loot) // 5)
    # shades dark enough to have one answer
    grey = (8 * junk[:, None, None, None]).expand(-1, 1, 8, 8).to(torch.uint8)
    pool = Images(torch.cat([loot.images, grey]), torch.cat([loot.labels % 5, 5 + junk]))
    context = attrs.evolve(BRIEFLY, pools={"half:junk": pool})
    shares = {}
    for attack in ("knockoff", "knockoff-adaptive"):
        informative = []
        for seed in range(3):
            teacher = Watched(victim)
            thief = make(attack, labels=labels, pool="half:junk", budget=300)
            thief.simulate(copy.deepcopy(student), teacher, loot, context=context, seed=seed)
            flat = torch.cat(teacher.asked).flatten(1)
            informative.append(float((flat.std(1) > 0).float().mean()))
        shares[attack] = informative
    assert max(shares["knockoff"]) < 0.55
    assert min(shares["knockoff-adaptive"]) > 0.62


def strokes(count):
    """Return images of random strokes, whose labels have nothing to do with digits."""
    source = torch.Generator().manual_seed(0)
    ends = 7 * torch.rand(count, 4, 2, 2, generator=source)
    points = ends[:, :, :1] + torch.linspace(0, 1, 12)[:, None] * (ends[:, :, 1:] - ends[:, :, :1])
    grid = torch.cartesian_prod(torch.arange(8.0), torch.arange(8.0))
    nearest = torch.cdist(points.flatten(1, 2), grid.expand(count, -1, -1)).amin(1)
    pixels = (1.3 - nearest).clamp(0, 1).reshape(count, 1, 8, 8)
    return Images((255 * pixels).to(torch.uint8), torch.arange(count) % 3)


@pytest.mark.parametrize("attack", ["knockoff", "knockoff-adaptive"])
def test_a_knockoff_learns_from_a_foreign_pool(make, digits, loot, victim, student, attack):
    thief = make(attack, pool="strokes", budget=2000)
    assert thief.pools == ("strokes",)
    context = attrs.evolve(CONTEXT, pools={"strokes": strokes(2500)})
    teacher = victim.as_query()
    copied = thief.simulate(student, teacher, without_labels(loot), context=context, seed=0)
    assert teacher.spent == 2000
    assert agreement(copied, victim, digits.test.pixels) > 0.6


@pytest.mark.parametrize("attack", ["knockoff", "knockoff-adaptive"])
@pytest.mark.parametrize(("budget", "owned", "asked"), [(None, 60, 60), (80, 60, 80), (40, 60, 40), (None, 900, 100)])
def test_of_a_foreign_pool_as_many_are_asked_as_the_thief_owns_or_affords(
    make, loot, victim, student, trainings, attack, budget, owned, asked
):
    thief = make(attack, pool="strokes", budget=budget)
    pool = strokes(100)
    teacher = Watched(victim)
    context = attrs.evolve(CONTEXT, pools={"strokes": pool})
    thief.simulate(student, teacher, loot[:owned], context=context, seed=0)
    pixels = torch.cat(teacher.asked)
    known = {image.numpy().tobytes() for image in pool.pixels}
    assert len(pixels) == asked
    assert len({image.numpy().tobytes() for image in pixels}) == asked
    assert all(image.numpy().tobytes() in known for image in pixels)
    if owned < len(pool):
        learned = sum(len(pixels) * training.epochs for pixels, _, training, _ in trainings.calls)
        assert thief.image_passes(owned, CONTEXT.training.epochs) == learned


@pytest.mark.parametrize("attack", ["knockoff", "knockoff-adaptive"])
def test_a_foreign_pool_has_no_true_labels(make, loot, student, attack):
    thief = make(attack, pool="strokes")
    context = attrs.evolve(CONTEXT, pools={"strokes": strokes(100)})
    assert not thief.takes_true_labels
    with pytest.raises(UsageError, match="true labels"):
        thief.simulate(student, None, loot, context=context, seed=0)


def test_a_pool_that_was_not_opened_is_named(make, loot, victim, student):
    with pytest.raises(UsageError, match="'strokes'"):
        make("knockoff", pool="strokes").simulate(student, victim.as_query(), loot, context=CONTEXT, seed=0)


def test_thieves_need_no_pool_of_their_own_accord(make):
    assert all(make(attack).pools == () for attack in ATTACKS)
