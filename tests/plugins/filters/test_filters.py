"""What all filters keep to: each changes what it says and nothing else, alone and around another."""

import copy

import pytest
import torch
import torch.nn.functional as F

import fpframe
from fpframe import ParameterError, ResourceError, UsageError
from fpframe.rng import generator
from plugins.filters.questions import K, Seen, images, logits, open_query, seen_through

NAMES = ["answer-noise", "blur", "flip", "input-noise", "jpeg", "round", "temperature", "top1"]
ON_IMAGES = ["blur", "flip", "input-noise", "jpeg"]
NEEDS_PROBS = ["answer-noise", "temperature"]
DRAWING = [("answer-noise", {}), ("input-noise", {}), ("flip", {"probability": 0.5})]


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
