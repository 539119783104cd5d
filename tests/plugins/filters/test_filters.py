"""Filters: what each changes, and that it changes nothing else."""

import copy

import pytest
import torch
import torch.nn.functional as F

import fpframe
from fpframe import ParameterError, Query, ResourceError, UsageError
from fpframe.rng import generator

K = 4
NAMES = ["answer-noise", "blur", "flip", "input-noise", "jpeg", "round", "temperature", "top1"]
ON_IMAGES = ["blur", "flip", "input-noise", "jpeg"]
NEEDS_PROBS = ["answer-noise", "temperature"]
DRAWING = [("answer-noise", {}), ("input-noise", {}), ("flip", {"probability": 0.5})]


def images(count, channels=1, side=12):
    return torch.rand(count, channels, side, side, generator=generator(count))


def logits(pixels):
    """Answer with the means of the four quarters of an image, so that what is done to it shows."""
    return F.adaptive_avg_pool2d(pixels.mean(1), 2).flatten(1) * 12


def open_query(ask=logits, **options):
    return Query(
        ask, **{"num_classes": K, "outputs": "logits", "address": "suspect.onnx", "digest": "ab" * 32, **options}
    )


class Seen:
    """A model that remembers the images it was asked."""

    def __init__(self):
        self.batches = []

    def __call__(self, pixels):
        self.batches.append(pixels.clone())
        return logits(pixels)

    @property
    def images(self):
        return torch.cat(self.batches)


@pytest.fixture
def make(registry):
    def make(name, **params):
        return registry.create("filter", name, **params)

    return make


def seen_through(component, pixels, seed=0):
    model = Seen()
    component.wrap(open_query(model), seed=seed)(pixels)
    return model.images


# --- all of them


def test_every_filter_is_offered_and_tested(registry):
    assert registry.names("filter") == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_answers_change_and_stay_distributions(make, name):
    pixels = images(40)
    plain, changed = open_query()(pixels), make(name).wrap(open_query(), seed=0)(pixels)
    assert (changed.shape, changed.dtype) == (plain.shape, plain.dtype)
    assert not torch.equal(changed, plain)
    assert bool((changed >= 0).all())
    slack = K * 0.005 if name == "round" else 1e-5  # an interface that rounds does not scale again
    assert float((changed.sum(1) - 1).abs().max()) <= slack


@pytest.mark.parametrize("name", NAMES)
def test_images_are_changed_by_filters_of_images_only_and_stay_pixels(make, name):
    pixels = images(6, channels=3)
    seen = seen_through(make(name), pixels)
    assert torch.equal(seen, pixels) is (name not in ON_IMAGES)
    assert (seen.shape, seen.dtype) == (pixels.shape, torch.float32)
    assert 0 <= float(seen.min()) <= float(seen.max()) <= 1


@pytest.mark.parametrize("name", NAMES)
def test_answers_that_are_not_finite_stay_so_and_spoil_no_others(make, name):
    def ask(pixels):
        answers = F.softmax(logits(pixels), dim=1)
        answers[1] = torch.nan
        answers[2, 0] = torch.inf
        return answers

    answers = make(name).wrap(open_query(ask, outputs="probs"), seed=0)(images(4))
    assert answers.isfinite().all(1).tolist() == [True, False, False, True]
    assert bool(answers[1].isnan().all())


@pytest.mark.parametrize("name", sorted({*NAMES} - {*NEEDS_PROBS}))
def test_a_label_that_is_nan_stays_so(make, name):
    labels = torch.tensor([1.0, torch.nan, 3.0])
    answers = make(name).wrap(open_query(lambda pixels: labels, outputs="labels"), seed=0)(images(3))
    assert answers[1].isnan().all()
    assert torch.equal(answers[[0, 2]], torch.eye(K)[[1, 3]])


@pytest.mark.parametrize("name", NAMES)
def test_images_are_counted_on_both_sides_and_the_limit_of_the_inner_query_holds(make, name):
    model = Seen()
    inner = open_query(model, max_queries=10)
    outer = make(name).wrap(inner, seed=0)
    outer(images(7))
    assert (outer.spent, inner.spent) == (7, 7)
    with pytest.raises(ResourceError, match="4 more queries are needed but only 3 are left of 10"):
        outer(images(4))
    with pytest.raises(ResourceError, match="4 more queries are needed"):
        outer.require(4)
    assert (outer.spent, inner.spent, len(model.images)) == (7, 7, 7)
    outer.max_queries = 9
    with pytest.raises(ResourceError, match="only 2 are left of 9"):
        outer(images(3))
    outer(images(2))
    assert (outer.spent, inner.spent) == (9, 9)


@pytest.mark.parametrize("name", NAMES)
def test_a_wrapped_query_says_what_it_is(make, name):
    inner = open_query()
    inner.notes = (fpframe.Note("suspect-untrained", "It was opened."),)
    component = make(name)
    outer = component.wrap(inner, seed=0)
    assert outer.address == f"suspect.onnx|{component.spec()}"
    assert (outer.digest, outer.num_classes, outer.notes) == (inner.digest, K, inner.notes)
    assert outer.batch_size == inner.batch_size


def test_the_address_reads_as_documented(make):
    assert make("jpeg").wrap(open_query(), seed=0).address == "suspect.onnx|jpeg(quality=75)"
    assert make("top1").wrap(open_query(address=""), seed=0).address == "suspect|top1()"


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("outputs", ["logits", "auto"])
def test_the_channel_is_what_is_revealed(make, name, outputs):
    outer = make(name).wrap(open_query(outputs=outputs), seed=0)
    known = outputs == "logits"
    if name == "top1":
        assert (outer.channel, outer.outputs) == ("top1", "labels")
    else:
        assert (outer.channel, outer.outputs) == ("probs" if known else None, outputs)
    outer(images(5))
    assert (outer.channel, outer.outputs) == (("top1", "labels") if name == "top1" else ("probs", "logits"))


@pytest.mark.parametrize("name", NAMES)
def test_no_images_are_no_question(make, name):
    inner = open_query()
    assert make(name).wrap(inner, seed=0)(images(1)[:0]).shape == (0, K)
    assert inner.spent == 0


@pytest.mark.parametrize("name", NAMES)
def test_the_model_its_mode_and_the_questions_are_left_as_found(make, name, registry):
    model = registry.create("backbone", "paper").build("arc-a", num_classes=10, image_shape=(1, 8, 8), seed=0)
    weights, mode = copy.deepcopy(model.module.state_dict()), model.module.training
    pixels = images(9, side=8)
    asked, plain, state = pixels.clone(), model.as_query()(pixels), torch.get_rng_state()
    make(name).wrap(model.as_query(), seed=0)(pixels)
    assert torch.equal(torch.get_rng_state(), state), "global random numbers"
    assert torch.equal(pixels, asked)
    assert model.module.training is mode
    assert all(torch.equal(value, weights[key]) for key, value in model.module.state_dict().items())
    assert torch.equal(model.as_query()(pixels), plain)


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("blur", {"sigma": 0}),
        ("jpeg", {"quality": 0}),
        ("jpeg", {"quality": 96}),
        ("jpeg", {"quality": 75.0}),
        ("flip", {"probability": 0}),
        ("flip", {"probability": 1.1}),
        ("input-noise", {"deviation": -0.1}),
        ("answer-noise", {"deviation": 0}),
        ("round", {"decimals": 0}),
        ("round", {"decimals": 10}),
        ("temperature", {"temperature": 0}),
        ("temperature", {"temperature": float("nan")}),
    ],
)
def test_a_parameter_out_of_range_is_refused_by_name(make, name, params):
    with pytest.raises(ParameterError, match=rf"'{next(iter(params))}' of '{name}' must be "):
        make(name, **params)


# --- random numbers


@pytest.mark.parametrize(("name", "params"), DRAWING)
def test_the_same_seed_and_questions_give_the_same_answers_however_they_are_cut(make, name, params):
    component, pixels = make(name, **params), images(23)

    def answers(seed, cuts, batch_size=256):
        query = component.wrap(open_query(batch_size=batch_size), seed=seed)
        return torch.cat([query(part) for part in pixels.split(cuts)])

    whole = answers(3, [23])
    assert torch.equal(whole, answers(3, [1, 17, 5]))
    assert torch.equal(whole, answers(3, [23], batch_size=4))
    assert not torch.equal(whole, answers(4, [23]))


@pytest.mark.parametrize(("name", "params"), DRAWING)
def test_what_is_drawn_is_fresh_for_every_question(make, name, params):
    query, pixels = make(name, **params).wrap(open_query(), seed=0), images(12)
    assert not torch.equal(query(pixels), query(pixels))


@pytest.mark.parametrize("name", ["blur", "jpeg", "round", "temperature", "top1", "flip"])
def test_a_filter_that_draws_nothing_gives_the_same_whatever_the_seed(make, name):
    pixels = images(12)
    once = make(name).wrap(open_query(), seed=0)
    assert torch.equal(once(pixels), make(name).wrap(open_query(), seed=1)(pixels))
    assert torch.equal(once(pixels), once(pixels))


# --- one by one


def test_flip_mirrors_left_to_right_as_often_as_it_says(make):
    pixels = images(400, side=2)
    assert torch.equal(seen_through(make("flip"), pixels), pixels.flip(-1))
    seen = seen_through(make("flip", probability=0.25), pixels)
    mirrored = (seen == pixels.flip(-1)).flatten(1).all(1)
    untouched = (seen == pixels).flatten(1).all(1)
    assert bool((mirrored ^ untouched).all())
    assert 0.19 < float(mirrored.float().mean()) < 0.31  # three standard deviations of 400 coins


def test_blur_keeps_flat_images_and_spreads_a_point_as_a_gaussian(make):
    flat = torch.full((1, 3, 8, 8), 0.7)
    torch.testing.assert_close(seen_through(make("blur"), flat), flat)
    point = torch.zeros(1, 2, 21, 21)
    point[0, 1, 10, 10] = 1
    seen = seen_through(make("blur", sigma=2.0), point)
    assert float(seen[0, 0].max()) == 0, "channels do not mix"
    assert float(seen.sum()) == pytest.approx(1, abs=1e-5)
    line = seen[0, 1].sum(0)
    offsets = torch.arange(-10.0, 11)
    assert float((line * offsets).sum()) == pytest.approx(0, abs=1e-5)
    assert float((line * offsets**2).sum()) == pytest.approx(4, rel=0.03)  # the tails are cut off
    torch.testing.assert_close(seen[0, 1], seen[0, 1].T)


def test_a_stronger_blur_than_the_image_is_wide_is_its_mean_nearly(make):
    pixels = images(2, side=4)
    seen = seen_through(make("blur", sigma=8.0), pixels)
    assert float(seen.std()) < 0.5 * float(pixels.std())


@pytest.mark.parametrize("channels", [1, 3])
def test_jpeg_loses_more_at_lower_quality_and_gives_8_bit_images(make, channels):
    pixels = images(4, channels=channels, side=16)
    loss = {}
    for quality in (5, 50, 95):
        seen = seen_through(make("jpeg", quality=quality), pixels)
        torch.testing.assert_close(seen * 255, (seen * 255).round())
        loss[quality] = float((seen - pixels).abs().mean())
    assert loss[5] > loss[50] > loss[95] > 0


def test_jpeg_refuses_images_that_it_does_not_know(make):
    query = make("jpeg").wrap(open_query(), seed=0)
    with pytest.raises(UsageError, match=r"filter 'jpeg' takes images with 1 or 3 channels \(got 4\)"):
        query(images(1, channels=4))


def test_input_noise_has_the_deviation_that_it_says(make):
    grey = torch.full((40, 1, 16, 16), 0.5)
    noise = seen_through(make("input-noise", deviation=0.05), grey) - grey
    assert float(noise.std()) == pytest.approx(0.05, rel=0.05)
    assert float(noise.mean()) == pytest.approx(0, abs=0.002)
    assert not torch.equal(noise[0], noise[1])


def test_answer_noise_has_the_deviation_that_it_says_before_it_is_scaled(make):
    query = make("answer-noise", deviation=0.01).wrap(open_query(lambda p: torch.zeros(len(p), K)), seed=0)
    answers = query(images(2000, side=2))
    # dividing by the sum takes the noise along one of the K directions away
    assert float(answers.std()) == pytest.approx(0.01 * (1 - 1 / K) ** 0.5, rel=0.05)


def test_a_row_that_noise_wipes_out_becomes_uniform(make):
    query = make("answer-noise", deviation=100.0).wrap(open_query(), seed=0)
    answers = query(images(300, side=2))
    wiped = (answers == 1 / K).all(1)
    assert 0 < int(wiped.sum()) < 60  # all K signs are negative once in sixteen
    torch.testing.assert_close(answers.sum(1), torch.ones(300))


def test_temperature_is_that_of_the_logits(make):
    pixels = images(20)
    for degree in (0.1, 0.5, 2.0, 50.0):
        answers = make("temperature", temperature=degree).wrap(open_query(), seed=0)(pixels)
        torch.testing.assert_close(answers, F.softmax(logits(pixels) / degree, dim=1), atol=1e-5, rtol=1e-4)


def test_a_probability_of_zero_stays_zero_at_any_temperature(make):
    def ask(pixels):
        return torch.tensor([[0.5, 0.5, 0.0, -1e-8]]).repeat(len(pixels), 1)

    for degree in (0.01, 100.0):
        answers = make("temperature", temperature=degree).wrap(open_query(ask, outputs="probs"), seed=0)(images(2))
        torch.testing.assert_close(answers, torch.tensor([[0.5, 0.5, 0.0, 0.0]]).repeat(2, 1))


@pytest.mark.parametrize("decimals", [1, 3])
def test_round_gives_so_many_decimals(make, decimals):
    pixels = images(20)
    answers = make("round", decimals=decimals).wrap(open_query(), seed=0)(pixels)
    assert torch.equal(answers, open_query()(pixels).round(decimals=decimals))


def test_top1_reveals_the_label_and_nothing_else(make):
    pixels = images(20)
    answers = make("top1").wrap(open_query(), seed=0)(pixels)
    assert torch.equal(answers, F.one_hot(logits(pixels).argmax(1), K).float())


# --- models that reveal labels only


def labels_of(pixels):
    return logits(pixels).argmax(1)


@pytest.mark.parametrize("name", ["round", "top1"])
def test_labels_pass_through_filters_that_have_nothing_to_take(make, name):
    pixels = images(9)
    outer = make(name).wrap(open_query(labels_of, outputs="auto"), seed=0)
    assert torch.equal(outer(pixels), F.one_hot(labels_of(pixels), K).float())
    assert (outer.channel, outer.outputs) == ("top1", "labels")


@pytest.mark.parametrize("name", NEEDS_PROBS)
def test_a_filter_of_probabilities_is_refused_where_there_are_only_labels(make, name):
    refusal = rf"filter '{name}' changes probabilities, and this suspect reveals labels only \(suspect.onnx\)"
    with pytest.raises(UsageError, match=refusal):
        make(name).wrap(open_query(labels_of, outputs="labels"), seed=0)
    late = make(name).wrap(open_query(labels_of, outputs="auto"), seed=0)  # nobody can know yet
    with pytest.raises(UsageError, match=refusal):
        late(images(2))
    with pytest.raises(UsageError, match=r"labels only \(suspect.onnx\|top1\(\)\)"):
        make(name).wrap(make("top1").wrap(open_query(), seed=0), seed=0)


# --- one around another


def test_the_outer_filter_sees_images_first_and_answers_last(make):
    pixels = images(10)
    inner = make("temperature", temperature=3.0).wrap(open_query(), seed=0)
    both = make("round", decimals=1).wrap(inner, seed=0)
    assert torch.equal(both(pixels), F.softmax(open_query()(pixels).log() / 3, dim=1).round(decimals=1))
    assert both.address == "suspect.onnx|temperature(temperature=3.0)|round(decimals=1)"
    assert (both.spent, inner.spent) == (10, 10)

    model = Seen()
    make("jpeg").wrap(make("flip").wrap(open_query(model), seed=0), seed=0)(pixels)
    assert torch.equal(model.images, seen_through(make("jpeg"), pixels).flip(-1))


def test_the_limit_at_the_core_holds_through_two_filters(make):
    core = open_query(max_queries=5)
    both = make("top1").wrap(make("blur").wrap(core, seed=0), seed=0)
    with pytest.raises(ResourceError, match="only 5 are left of 5"):
        both(images(6))
    assert core.spent == 0


def test_a_wrapped_query_is_questioned_like_any_suspect(make):
    queries = fpframe.QuerySet(
        images=torch.randint(256, (2, 3, 1, 12, 12), dtype=torch.uint8, generator=generator(0)), parts=()
    )
    inner = open_query()
    answers = fpframe.ask(make("jpeg").wrap(inner, seed=0), queries)
    assert answers.shape == (2, 3, K)
    assert inner.spent == 6
