"""How answers are read, counted and refused."""

import pytest
import torch
import torch.nn.functional as F

from fpframe import FpframeError, ModelError, Note, Query, QuerySet, ResourceError, UsageError
from fpframe.errors import KindChangedError
from fpframe.models import infer_outputs
from fpframe.models.queryset import add_perturbation, to_pixels

K = 5


def images(count):
    return torch.rand(count, 1, 4, 4, generator=torch.Generator().manual_seed(count))


def logits(pixels):
    return pixels.flatten(1)[:, :K] * 8 - 4


def probs(pixels):
    return F.softmax(logits(pixels), dim=1)


def labels(pixels):
    return logits(pixels).argmax(1)


def open_query(ask, **options):
    return Query(ask, num_classes=K, **options)


@pytest.mark.parametrize(
    ("ask", "settled", "channel"),
    [(logits, "logits", "probs"), (probs, "probs", "probs"), (labels, "labels", "top1")],
)
def test_auto_outputs_are_settled_by_the_first_answer(ask, settled, channel):
    query = open_query(ask)
    assert (query.outputs, query.channel) == ("auto", None)
    query(images(3))
    assert (query.outputs, query.channel) == (settled, channel)


@pytest.mark.parametrize("outputs", ["auto", "logits"])
def test_logits_become_probabilities(outputs):
    torch.testing.assert_close(open_query(logits, outputs=outputs)(images(9)), probs(images(9)))


@pytest.mark.parametrize("outputs", ["auto", "probs"])
def test_probabilities_are_passed_on_unchanged(outputs):
    assert torch.equal(open_query(probs, outputs=outputs)(images(9)), probs(images(9)))


@pytest.mark.parametrize("outputs", ["auto", "labels"])
@pytest.mark.parametrize(
    "ask",
    [
        labels,
        lambda pixels: labels(pixels)[:, None],
        lambda pixels: labels(pixels).double(),
        lambda pixels: labels(pixels).to(torch.uint8),
        lambda pixels: labels(pixels).numpy(),
        lambda pixels: labels(pixels).tolist(),
        lambda pixels: F.one_hot(labels(pixels), K),
    ],
    ids=["int64", "column", "float", "bytes", "array", "list", "one-hot"],
)
def test_labels_become_one_hot_rows(ask, outputs):
    answers = open_query(ask, outputs=outputs)(images(9))
    assert torch.equal(answers, F.one_hot(labels(images(9)), K).float())


@pytest.mark.parametrize("decimals", [1, 2, 3])
def test_rounded_probabilities_are_not_taken_for_logits(decimals):
    rounded = probs(images(40)).round(decimals=decimals)
    assert (rounded.sum(1) - 1).abs().max() > 5e-4
    assert infer_outputs(rounded, K) == "probs"


def test_half_precision_answers_are_read_in_single_precision():
    answers = open_query(lambda pixels: probs(pixels).half())(images(3))
    assert answers.dtype == torch.float32
    torch.testing.assert_close(answers, probs(images(3)), atol=1e-3, rtol=0)


def test_a_first_answer_that_is_not_finite_settles_nothing():
    answers = iter([torch.full((2, K), torch.nan), torch.tensor([[3.0, -1, 0, 1, 2]])])
    query = open_query(lambda pixels: next(answers), batch_size=2)
    given = query(images(3))
    assert given[:2].isnan().all()
    assert query.outputs == "logits"
    torch.testing.assert_close(given[2], torch.tensor([3.0, -1, 0, 1, 2]).softmax(0))


@pytest.mark.parametrize("outputs", ["auto", "logits", "probs"])
def test_nan_answers_pass_through(outputs):
    def ask(pixels):
        answer = probs(pixels)
        answer[1] = torch.nan
        return answer

    answers = open_query(ask, outputs=outputs)(images(3))
    assert answers.isnan().all(1).tolist() == [False, True, False]


def test_a_label_that_is_nan_passes_through():
    answers = open_query(lambda pixels: torch.tensor([1.0, torch.nan]), outputs="labels")(images(2))
    assert answers[0].tolist() == [0, 1, 0, 0, 0]
    assert answers[1].isnan().all()


def test_the_model_sees_at_most_a_batch_at_a_time_and_every_image_once_in_order():
    seen = []

    def ask(pixels):
        seen.append(pixels)
        return probs(pixels)

    query = open_query(ask, batch_size=4)
    query(images(10))
    assert [len(batch) for batch in seen] == [4, 4, 2]
    assert torch.equal(torch.cat(seen), images(10))
    assert query.spent == 10


def test_nothing_is_asked_beyond_max_queries():
    asked = []

    def ask(pixels):
        asked.append(len(pixels))
        return probs(pixels)

    query = open_query(ask, batch_size=4, max_queries=10)
    query(images(6))
    with pytest.raises(ResourceError, match="5 more queries are needed but only 4 are left of 10"):
        query(images(5))
    assert sum(asked) == query.spent == 6
    query(images(4))
    assert sum(asked) == query.spent == 10


def test_no_images_are_no_question():
    def ask(pixels):
        raise AssertionError("asked")

    assert open_query(ask)(torch.zeros(0, 1, 4, 4)).shape == (0, K)


def test_gradients_are_not_recorded():
    weight = torch.ones(1, requires_grad=True)
    assert not open_query(lambda pixels: logits(pixels) * weight)(images(2)).requires_grad


def fail(pixels):
    raise RuntimeError("it broke\nover two lines")


def no_service(pixels):
    raise ResourceError("the service is gone")


def no_memory(pixels):
    raise torch.OutOfMemoryError("CUDA out of memory")


@pytest.mark.parametrize(
    ("ask", "outputs", "error", "message"),
    [
        (fail, "auto", ModelError, r"failed on images of shape \(3, 1, 4, 4\): it broke \(here\)"),
        (no_service, "auto", ResourceError, r"^the service is gone$"),
        (no_memory, "auto", ResourceError, "lower --batch-size"),
        (lambda pixels: logits(pixels)[:, :4], "auto", ModelError, r"\(3, 4\) where \(3, 5\) is expected"),
        (lambda pixels: logits(pixels)[:2], "logits", ModelError, r"\(2, 5\) where \(3, 5\) is expected"),
        (lambda pixels: pixels, "auto", ModelError, r"\(3, 1, 4, 4\) where \(3, 5\) is expected"),
        (lambda pixels: "cat", "auto", ModelError, r"a list in which no answers to 3 images are found \(here\)"),
        (logits, "probs", ModelError, "where probabilities are expected .*--outputs logits"),
        (lambda pixels: labels(pixels) + K, "labels", ModelError, "labels outside 0..4"),
        (lambda pixels: labels(pixels) - K, "auto", ModelError, "labels outside 0..4"),
        (lambda pixels: labels(pixels) + 0.5, "labels", ModelError, "fractions where whole labels"),
    ],
)
def test_an_answer_that_fits_no_reading_is_one_clear_error(ask, outputs, error, message):
    query = open_query(ask, outputs=outputs, address="here")
    with pytest.raises(FpframeError, match=message) as caught:
        query(images(3))
    assert type(caught.value) is error
    assert "\n" not in str(caught.value)


def test_answers_that_stop_being_probabilities_are_refused():
    answers = iter([probs(images(4)), torch.full((1, K), -3.0)])
    query = open_query(lambda pixels: next(answers))
    query(images(4))
    with pytest.raises(KindChangedError, match="from -3 to -3 where probabilities are expected"):
        query(images(1))


@pytest.mark.parametrize(
    ("option", "value"), [("outputs", "softmax"), ("batch_size", 0), ("max_queries", 0), ("max_queries", -1)]
)
def test_an_impossible_option_is_a_usage_error_that_names_it(option, value):
    with pytest.raises(UsageError, match=f"'{option}' .*{value}"):
        open_query(probs, **{option: value})


def test_a_query_set_counts_every_image_of_every_view():
    queries = QuerySet(images=torch.zeros(3, 4, 1, 5, 6, dtype=torch.uint8), parts=())
    assert (queries.views, queries.queries, queries.image_shape) == (3, 12, (1, 5, 6))


@pytest.mark.parametrize("value", [torch.zeros(3, 4, 1, 5, 6), torch.zeros(4, 1, 5, 6, dtype=torch.uint8)])
def test_a_query_set_holds_8_bit_images_in_views(value):
    with pytest.raises(ValueError, match="must be uint8"):
        QuerySet(images=value, parts=())


def test_pixels_are_256ths_steps_from_0_to_1():
    assert to_pixels(torch.tensor([0, 51, 255], dtype=torch.uint8)).tolist() == pytest.approx([0, 0.2, 1])


def test_a_perturbation_is_truncated_towards_zero_and_clipped_to_8_bits():
    delta = torch.tensor([2.9, -2.9, 3.0, -3.0, 300.0, -300.0], dtype=torch.float64).float() / 255
    added = add_perturbation(torch.full((6,), 100, dtype=torch.uint8), delta)
    assert added.tolist() == [102, 98, 103, 97, 255, 0]


def test_every_step_of_the_8_bit_grid_survives_a_rounding_error_of_single_precision():
    steps = torch.arange(256)
    below = torch.nextafter(steps.float() / 255, torch.zeros(256))
    added = add_perturbation(torch.zeros(256, dtype=torch.uint8), below)
    assert added.tolist() == steps.tolist()


def test_what_a_plugin_says_of_a_suspect_in_bare_sentences_gets_a_code():
    query = open_query(probs)
    assert query.notes == ()
    query.notes = ["It was warm.", Note("acme-code", "It was cold.")]
    assert query.notes == (Note("suspect-source", "It was warm."), Note("acme-code", "It was cold."))


def test_images_stay_as_they_are_when_a_model_writes_into_them():
    given = images(7)
    answers = [open_query(lambda pixels: logits(pixels.mul_(0.5)), batch_size=3)(given) for _ in range(2)]
    assert torch.equal(given, images(7))
    torch.testing.assert_close(answers[0], F.softmax(logits(images(7) * 0.5), dim=1))
    assert torch.equal(answers[0], answers[1])


def test_answers_that_a_model_keeps_in_one_place_are_not_mixed_up():
    place = torch.empty(2, K)
    query = open_query(lambda pixels: place.copy_(probs(pixels)), batch_size=2)
    torch.testing.assert_close(query(images(6)), probs(images(6)))
