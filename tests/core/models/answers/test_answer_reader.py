"""Whatever a model returns is read as what it means, or refused by name; it is never guessed."""

from __future__ import annotations

import pytest
import torch

from answerkinds import CLASSES, READ, REFUSED, top
from fpframe import ModelError, Query, through_channel
from fpframe.errors import KindChangedError, UsageError
from fpframe.models import OUTPUTS, observe_channel
from fpframe.models.answers.reader import AnswerReader
from fpframe.models.answers.unread import UnreadError
from fpframe.models.answers.unwrapping import unwrap

K = 10


def logits(count=64, scale=4.0, seed=0, classes=K):
    """Logits of a model that is sometimes sure; so many that each way shows what it is."""
    drawn = torch.randn(count, classes, generator=torch.Generator().manual_seed(seed))
    return scale * (drawn - drawn.mean(1, keepdim=True))


def asked(answer, z=None, outputs="auto", batch_size=256, classes=CLASSES):
    """Ask a model with these logits through a query."""
    z = logits() if z is None else z
    rows = iter(z.split(batch_size))
    query = Query(
        lambda pixels: answer(next(rows)),
        num_classes=z.shape[1],
        outputs=outputs,
        batch_size=batch_size,
        classes=classes,
        address="here",
    )
    return query, query(torch.zeros(len(z), 1, 2, 2))


def refused(answer, z, names):
    """Return why these answers are refused; empty where they are read."""
    try:
        asked(answer, z, classes=tuple(names))
    except ModelError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("way", READ.values(), ids=READ)
def test_answers_are_read_as_what_they_are(way):
    query, given = asked(way.answer)
    reading = query.reading
    assert (query.outputs, reading.kind, reading.told, reading.doubt) == (way.kind, way.kind, False, "")
    assert query.channel == ("top1" if way.kind == "labels" else "probs")
    assert way.converted in reading.converted
    assert bool(reading.converted) == bool(way.converted)
    assert [note.code for note in query.notes] == ["answers-converted"] * bool(way.converted)
    assert given.dtype == torch.float32
    torch.testing.assert_close(given, through_channel(logits().softmax(1), way.channel), rtol=0, atol=way.slack)


@pytest.mark.parametrize("way", READ.values(), ids=READ)
def test_the_channel_of_answers_is_what_they_reveal(way):
    _, given = asked(way.answer)
    observed = observe_channel(given)
    bytes_alike = {"steps:255", "steps:256"}
    assert observed == way.channel or {observed, way.channel} == bytes_alike


@pytest.mark.parametrize(("answer", "message"), REFUSED.values(), ids=REFUSED)
def test_what_fits_nothing_or_several_things_is_refused_in_one_line(answer, message):
    with pytest.raises(ModelError, match=message) as caught:
        asked(answer)
    assert "(here)" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("classes", [3, 10, 40])
@pytest.mark.parametrize("scale", [1.0, 4.0, 12.0])
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("way", READ.values(), ids=READ)
def test_no_way_to_answer_is_taken_for_another_with_other_labels(way, seed, scale, classes):
    z = logits(seed=seed, scale=scale, classes=classes)
    names = CLASSES if classes <= K else [*CLASSES, *(f"class {number}" for number in range(K, classes))]
    if classes > K and way.converted in ("names of classes", "labels and scores"):
        pytest.skip("the table has ten names")
    refusal = refused(way.answer, z, names[:classes])
    if refusal:  # few of these ways are ever refused, and never without a way out
        assert "--outputs" in refusal
        assert way.kind == "sigmoid" or "rounded" in way.channel
        return
    query, given = asked(way.answer, z, classes=tuple(names[:classes]))
    truth = z.softmax(1)
    assert query.reading.kind != "logits" or way.kind == "logits"
    highest = given.amax(1, keepdim=True)
    # rounding ties; the right label is among the highest, and what is revealed of it is right
    assert bool((given.gather(1, z.argmax(1, keepdim=True)) == highest).all()) or way.slack >= 1e-3
    if way.channel != "top1" and way.slack < 0.1 and query.outputs == way.kind:
        # in single precision all sigmoids beyond this are 1
        kept = (given > 0) & ((z < 14).all(1, keepdim=True) | (way.kind != "sigmoid"))
        assert float((given - truth)[kept].abs().max()) <= max(way.slack, 0.06)


@pytest.mark.parametrize("batch_size", [1, 3, 64])
@pytest.mark.parametrize("name", ["logits", "softmax", "percent", "sigmoids", "top 5", "names of classes"])
def test_answers_that_come_one_by_one_are_read_as_all_at_once(name, batch_size):
    way = READ[name]
    torch.testing.assert_close(asked(way.answer, batch_size=batch_size)[1], asked(way.answer)[1], rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", [name for name in READ if READ[name].kind in ("logits", "probs", "percent")])
def test_rows_that_are_not_finite_stay_so(name):
    z = logits()
    raw = READ[name].answer(z)
    if not isinstance(raw, torch.Tensor) or not raw.is_floating_point() or raw.ndim != 2:
        pytest.skip("it has no place for NaN")
    raw[5] = torch.nan
    _, given = asked(lambda _: raw, z)
    assert given.isfinite().all(1).tolist() == [row != 5 for row in range(len(z))]


#: Kinds that may be told, with answers that contradict them: a doubt, or a refusal that says what else to say.
CONTRADICTED = {
    ("logits", "softmax"): "look like probabilities",
    ("logits", "percent"): "look like percentages",
    ("logits", "sigmoids"): "look like one sigmoid",
    ("logits", "top 5"): "look like the highest probabilities alone",
    ("probs", "sigmoids"): "look like one sigmoid",
    ("sigmoid", "softmax"): "look like probabilities",
    ("probs", "percent"): ModelError("--outputs percent"),
    ("probs", "logits"): ModelError("--outputs logits"),
    ("percent", "softmax"): ModelError("--outputs probs"),
    ("percent", "logits"): ModelError("--outputs logits"),
    ("sigmoid", "percent"): ModelError("--outputs percent"),
    ("topk", "softmax"): ModelError("not zero for every class"),
    ("logits", "labels"): ModelError("--outputs labels"),
    ("probs", "labels"): ModelError("--outputs labels"),
}


@pytest.mark.parametrize(("told", "name"), CONTRADICTED, ids=["-".join(key) for key in CONTRADICTED])
def test_a_kind_that_the_answers_contradict_is_doubted_or_refused(told, name):
    expected = CONTRADICTED[told, name]
    if isinstance(expected, ModelError):
        with pytest.raises(ModelError, match=str(expected)):
            asked(READ[name].answer, outputs=told)
        return
    query, _ = asked(READ[name].answer, outputs=told)
    assert (query.reading.kind, query.reading.told) == (told, True)
    assert expected in query.reading.doubt
    assert "outputs-doubted" in [note.code for note in query.notes]


@pytest.mark.parametrize("name", ["logits", "softmax", "percent", "sigmoids", "top 5", "labels"])
def test_a_kind_that_fits_is_not_doubted_and_changes_nothing(name):
    way = READ[name]
    query, given = asked(way.answer, outputs=way.kind)
    assert (query.reading.told, query.reading.doubt) == (True, "")
    assert torch.equal(given, asked(way.answer)[1])


@pytest.mark.parametrize("name", [name for name in REFUSED if REFUSED[name][1].endswith("labels")])
def test_labels_of_answers_that_are_something_else_are_read_on_demand(name):
    answer = REFUSED[name][0]
    query, given = asked(answer, outputs="labels")
    assert query.channel == "top1"
    assert torch.equal(given.argmax(1), answer(logits()).argmax(1))
    assert query.reading.converted == "the class with the highest number was taken for the label"


@pytest.mark.parametrize("scale", [1, 100])
def test_the_highest_alone_are_read_where_that_is_said(scale):
    def answer(z):  # so sure that rounding leaves less than two in many rows
        return (top(3 * z, 2).round(decimals=2) * scale).round(decimals=2)

    kinds = "topk, percent, logits or labels" if scale == 100 else "topk, sigmoid, logits or labels"
    with pytest.raises(ModelError, match=f"--outputs {kinds}"):
        asked(lambda z: answer(z) * torch.linspace(0.8, 0.95, len(z))[:, None])
    query, given = asked(answer, outputs="topk")
    assert (query.outputs, query.reading.doubt) == ("topk", "")
    torch.testing.assert_close(given, answer(logits()) / scale)


def test_logits_after_a_relu_are_read_where_that_is_said():
    query, given = asked(torch.relu, outputs="logits")
    assert query.reading.doubt == ""
    torch.testing.assert_close(given, logits().relu().softmax(1))


CHANGES = [
    ("percent", "softmax"),
    ("percent", "logits"),
    ("softmax", "percent"),
    ("softmax", "logits"),
    ("softmax", "sigmoids"),
    ("logits", "softmax"),
    ("logits", "percent"),
    ("logits", "sigmoids"),
    ("logits", "logits after a ReLU"),
    ("sigmoids", "softmax"),
    ("sigmoids", "percent"),
    ("top 5", "percent"),
    ("top 5", "logits"),
    ("labels", "fractions"),
    ("softmax", "labels"),
    ("bytes", "softmax"),
]


@pytest.mark.parametrize(("first", "then"), CHANGES, ids=["-".join(pair) for pair in CHANGES])
def test_a_change_of_kind_is_an_error_and_never_read_on(first, then):
    ways = {**{name: way.answer for name, way in READ.items()}, **{name: way[0] for name, way in REFUSED.items()}}
    answers = iter([ways[first](logits()), ways[then](logits(seed=1))])
    query = Query(lambda pixels: next(answers), num_classes=K, address="here")
    query(torch.zeros(64, 1, 2, 2))
    with pytest.raises(ModelError, match="here") as caught:
        query(torch.zeros(64, 1, 2, 2))
    assert isinstance(caught.value, KindChangedError)


@pytest.mark.parametrize("name", READ)
def test_more_answers_of_the_same_kind_are_no_change(name):
    answers = iter([READ[name].answer(logits(seed=seed)) for seed in range(6)])
    query = Query(lambda pixels: next(answers), num_classes=K, classes=CLASSES)
    for _ in range(6):
        query(torch.zeros(64, 1, 2, 2))
    assert query.outputs == READ[name].kind


@pytest.mark.parametrize(
    ("answer", "kind", "second"),
    [
        (lambda z: z.softmax(1)[:, 1], "probs", lambda z: z.softmax(1)[:, 1]),
        (lambda z: z.softmax(1)[:, 1:], "probs", lambda z: z.softmax(1)[:, 1]),
        (lambda z: z[:, 1] - z[:, 0], "logits", lambda z: z.softmax(1)[:, 1]),
        (lambda z: (z[:, 1:] - z[:, :1]).tolist(), "logits", lambda z: z.softmax(1)[:, 1]),
        (lambda z: z.argmax(1), "labels", lambda z: z.argmax(1).float()),
        (lambda z: z.argmax(1) == 1, "labels", lambda z: z.argmax(1).float()),
    ],
    ids=["probability", "column", "logit", "list of logits", "labels", "truth values"],
)
def test_one_number_for_two_classes_is_of_the_second_one(answer, kind, second):
    z = logits(classes=2)
    query, given = asked(answer, z, classes=("no", "yes"))
    assert query.outputs == kind
    torch.testing.assert_close(given[:, 1], second(z))
    torch.testing.assert_close(given.sum(1), torch.ones(len(z)))
    assert ("class 1" in query.reading.converted) == (kind != "labels")


@pytest.mark.parametrize(
    "answer",
    [
        lambda z: z[0],
        lambda z: [{"label": name, "score": score} for name, score in zip(CLASSES, z[0].tolist(), strict=True)],
        lambda z: dict(zip(CLASSES, z[0].tolist(), strict=True)),
        lambda z: (z, torch.zeros(1, 64)),
        lambda z: [z[0]],
    ],
    ids=["(K,)", "entries", "a dict of scores", "a tuple", "a list of one row"],
)
def test_a_single_image_may_be_answered_without_its_row(answer):
    z = logits(count=1)
    _, given = asked(answer, z)
    torch.testing.assert_close(given, z.softmax(1))


def test_a_single_entry_of_a_single_image_is_the_highest_class_alone():
    z = logits(count=40)
    _, given = asked(
        lambda row: {"label": CLASSES[int(row.argmax())], "score": float(row.softmax(1).max())}, z, batch_size=1
    )
    assert torch.equal(given.argmax(1), z.argmax(1))
    assert observe_channel(given) == "topk:1"


@pytest.mark.parametrize("answer", [lambda z: z.softmax(1)[:, 1] * 100, lambda z: z.abs()[:, 1]])
def test_one_positive_number_for_two_classes_is_refused_with_the_options(answer):
    with pytest.raises(ModelError, match=r"several things .*--outputs percent or logits"):
        asked(answer, logits(classes=2))
    query, _ = asked(lambda z: z.softmax(1)[:, 1] * 100, logits(classes=2), outputs="percent")
    assert query.outputs == "percent"


def test_every_option_is_known_and_another_is_refused():
    assert OUTPUTS == ("auto", "logits", "probs", "percent", "sigmoid", "labels", "topk")
    with pytest.raises(UsageError, match=r"'outputs' must be one of auto, .*topk"):
        Query(lambda pixels: pixels, num_classes=K, outputs="softmax")


def test_what_numbers_leave_open_is_settled_by_what_such_models_answer_and_said():
    generator = torch.Generator().manual_seed(0)
    faint = 0.04 * torch.randn(64, K, generator=generator) + 0.1  # as of a network that was hardly trained
    answers = [unwrap(faint, len(faint), K, ())]
    with pytest.raises(UnreadError, match="or logits"):
        AnswerReader("auto", K).read(answers)
    reader = AnswerReader("auto", K, usual="logits")
    assert torch.equal(reader.read(answers), faint.softmax(1))
    assert reader.reading is not None
    assert not reader.reading.told
    assert [note.code for note in reader.reading.notes] == ["outputs-doubted"]


@pytest.mark.parametrize("way", [lambda z: z, lambda z: z.softmax(1), lambda z: 100 * z.softmax(1)])
def test_what_is_usual_does_not_go_before_what_the_numbers_show(way):
    answer = way(logits())
    readers = [AnswerReader("auto", K), AnswerReader("auto", K, usual="logits")]
    plain, usual = ([reader.read([unwrap(answer, len(answer), K, ())]), reader.reading] for reader in readers)
    assert torch.equal(plain[0], usual[0])
    assert plain[1] == usual[1]


@pytest.mark.parametrize(
    "way", [torch.relu, lambda z: 0.05 * torch.relu(z), torch.sigmoid, lambda z: z - z.amin(1, True)]
)
def test_a_known_architecture_is_never_read_as_something_that_it_cannot_be(way):
    answer = way(logits())
    reader = AnswerReader("auto", K, usual="logits")
    assert torch.equal(reader.read([unwrap(answer, len(answer), K, ())]), answer.softmax(1))
    assert reader.reading is not None
    assert [note.code for note in reader.reading.notes] == ["outputs-doubted"]
    positive = 3 + torch.rand(64, K)
    assert torch.equal(reader.read([unwrap(positive, len(positive), K, ())]), positive.softmax(1))
