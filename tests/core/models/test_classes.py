"""What somebody says of a suspect's classes, and how answers become answers about the victim's."""

from __future__ import annotations

import json
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
import torch

from fpframe.cli.texts import read_classes
from fpframe.enrolment.calibration import CalibrationModel
from fpframe.enrolment.independents import in_victims_order
from fpframe.enrolment.modelfolder import IndependentFile
from fpframe.errors import DataError, ModelError, UsageError
from fpframe.models import Dataset, Query
from fpframe.models.classes import (
    ClassList,
    ClassMap,
    MappedQuery,
    SharedClasses,
    enough_images,
    map_classes,
    matched_order,
    plain_spelling,
    read_class_list,
)

VICTIM = ("cat", "dog", "Traffic_Light", "eel")
NUMBERED = ("0", "1", "2")


# --- forms

#: What may be said, and which of the victim's classes it makes of those of the suspect.
FORMS = {
    "names": (["dog", "cat", "eel", "Traffic_Light"], (1, 0, 3, 2)),
    "some names": (["eel", "cat"], (3, 0)),
    "further names": (["fox", "eel", "cat", "gnu", "dog", "Traffic_Light"], (None, 3, 0, None, 1, 2)),
    "no name": (["dog", None, "cat"], (1, None, 0)),
    "id2label": ({"0": "dog", "1": "cat"}, (1, 0)),
    "id2label in any order": ({"1": "cat", "0": "dog"}, (1, 0)),
    "id2label with numbers": ({0: "dog", 1: "cat"}, (1, 0)),
    "id2label with a gap in what is known": ({"0": "dog", "1": None}, (1, None)),
    "config": ({"id2label": {"0": "dog", "1": "cat"}, "hidden": 3}, (1, 0)),
    "label2id": ({"dog": 0, "cat": 1}, (1, 0)),
    "numbers": ({"0": 3, "1": 0}, (3, 0)),
    "numbers with none": ({"0": None, "1": 0}, (None, 0)),
    "another spelling": (["DOG", " cat", "traffic light", "Eel"], (1, 0, 2, 3)),
}


@pytest.mark.parametrize(("said", "means"), FORMS.values(), ids=FORMS)
def test_every_form_says_which_class_is_which(said, means):
    told = ClassList.of(said)
    assert ClassMap.told(told, VICTIM).means == means
    assert ClassList.of(told.to_data()) in (told, ClassList(told.said)), "what is recorded says the same"


@pytest.mark.parametrize(("said", "means"), FORMS.values(), ids=FORMS)
def test_a_file_says_what_the_list_says(tmp_path, said, means):
    path = tmp_path / "classes.json"
    path.write_text(json.dumps(said))
    assert ClassMap.told(read_class_list(path), VICTIM).means == means
    if isinstance(said, list) and None not in said:
        lines = tmp_path / "labels.txt"
        lines.write_text("\n".join(said) + "\n\n", encoding="utf-8-sig")
        assert ClassMap.told(read_class_list(lines), VICTIM).means == means


#: What is refused, and what the message says.
REFUSED = {
    "no list": ("cat", "not classes"),
    "empty list": ([], "not classes"),
    "empty map": ({}, "empty"),
    "twice": (["cat", "cat"], "named twice"),
    "numbers in a list": ([0, 1], "not a name"),
    "empty name": (["cat", ""], "not a name"),
    "true": ({"0": True, "1": False}, "mixes"),
    "mixed": ({"0": "cat", "dog": 1}, "mixes"),
    "fractions": ({"0": 1.5}, "mixes"),
    "gap": ({"0": "cat", "2": "dog"}, "leaves out number 1"),
    "from one": ({"1": "cat", "2": "dog"}, "leaves out number 0"),
    "one number for two": ({"cat": 0, "dog": 0}, "something twice"),
    "one key for two": ({"0": "cat", "00": "dog"}, "something twice"),
    "one of the victim's for two": ({"0": 1, "1": 1}, "only one"),
    "negative": ({"0": -1}, "mixes"),
    "one name for two": ({"a": "cat", "b": "cat"}, "only one"),
}


@pytest.mark.parametrize(("said", "why"), REFUSED.values(), ids=REFUSED)
def test_what_may_be_read_in_two_ways_or_in_none_is_refused(said, why):
    with pytest.raises(UsageError, match=why):
        ClassMap.told(ClassList.of(said), VICTIM)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"cat\n\ndog\n", "line 2 is empty"),
        (b"", "not classes"),
        (b"\xff\xfe\xfa", "cannot read the classes"),
    ],
)
def test_a_file_that_would_shift_the_classes_is_refused(tmp_path, content, why):
    path = tmp_path / "labels.txt"
    path.write_bytes(content)
    with pytest.raises(DataError, match=why):
        read_class_list(path)


@pytest.mark.parametrize("text", ['["cat", "cat"', '{"0": "cat", "0": "dog"}', "NaN", '"cat"'])
def test_json_that_says_nothing_certain_is_refused(tmp_path, text):
    path = tmp_path / "classes.json"
    path.write_text(text)
    with pytest.raises(DataError, match=r"classes\.json"):
        read_class_list(path)


def test_a_map_of_numbers_is_refused_where_numbers_are_names_and_its_two_readings_differ():
    for order in permutations(range(3)):
        told = ClassList.of({str(number): meant for number, meant in enumerate(order)})
        if [order[order[number]] for number in range(3)] == [0, 1, 2]:  # read either way it says the same
            assert ClassMap.told(told, NUMBERED).means == order
        else:
            with pytest.raises(UsageError, match="two ways"):
                ClassMap.told(told, NUMBERED)
        assert ClassMap.told(told, VICTIM).means == order


def test_a_map_from_names_to_names_needs_the_names_in_the_suspects_own_files():
    told = ClassList.of({"Katze": "cat", "Hund": "Dog"})
    assert ClassMap.told(told, VICTIM, own=["Hund", "Maus", "Katze"]).means == (1, None, 0)
    with pytest.raises(UsageError, match="in which order"):
        ClassMap.told(told, VICTIM)
    with pytest.raises(UsageError, match="no class 'Katze'"):
        ClassMap.told(told, VICTIM, own=["Hund", "Maus"])
    with pytest.raises(UsageError, match="the victim has no class 'crocodile'"):
        ClassMap.told(ClassList.of({"Katze": "crocodile"}), VICTIM, own=["Katze"])


# --- spelling


@pytest.mark.parametrize("name", ["Traffic Light", "traffic-light", "TRAFFIC__LIGHT", " traffic \u00a0light "])
def test_spellings_that_differ_in_case_and_what_stands_between_words_are_one(name):
    assert plain_spelling(name) == plain_spelling("traffic_light")
    found = ClassMap.told(ClassList.of([name]), VICTIM)
    assert found.means == (2,)
    assert "Traffic_Light" in found.spelling


@pytest.mark.parametrize(
    ("said", "victim"),
    [(["T shirt"], ("t_shirt", "T-Shirt")), (["t-shirt", "T shirt"], ("t_shirt", "coat"))],
)
def test_spellings_that_may_be_several_classes_are_refused(said, victim):
    with pytest.raises(UsageError, match="spelling alone"):
        ClassMap.told(ClassList.of(said), victim)


def test_equal_names_go_before_other_spellings():
    assert ClassMap.told(ClassList.of(["a", "A"]), ("A", "a")).means == (1, 0)
    assert not ClassMap.told(ClassList.of(["a", "A"]), ("A", "a")).spelling


# --- the suspect's own names


@pytest.mark.parametrize(
    ("own", "means"),
    [
        (["eel", "Traffic_Light", "dog", "cat"], (3, 2, 1, 0)),
        (["eel", "cat"], (3, 0)),
        (["eel", "fox", "cat", "dog", "Traffic_Light"], (3, None, 0, 1, 2)),
        (["eel", "fox", "cat", "dog"], None),
        (["LABEL_0", "LABEL_1", "LABEL_2", "LABEL_3"], None),
        (["crane", "crane", "cat", "dog"], None),
    ],
)
def test_own_names_count_where_all_of_one_side_are_found(own, means):
    found = ClassMap.by_own_names(own, VICTIM)
    assert (found and found.means) == means


@pytest.mark.parametrize(
    ("told", "own", "count", "why"),
    [
        (None, (), 3, "tells 3 classes"),
        (None, ("LABEL_0", "LABEL_1"), 2, "its files call 'LABEL_0', 'LABEL_1'"),
        (["cat", "dog"], (), 4, "2 classes are named where the suspect tells 4"),
    ],
)
def test_another_number_of_classes_than_was_said_is_a_model_error(told, own, count, why):
    with pytest.raises(ModelError, match=why):
        map_classes(told and ClassList.of(told), own, count, VICTIM)


def test_no_number_is_one_that_the_victim_has_not():
    with pytest.raises(UsageError, match="no class number 4"):
        ClassMap.told(ClassList.of({"0": 4}), VICTIM)


# --- answers


def drawn(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(len(shape))).softmax(-1)


def test_a_map_in_order_changes_nothing():
    answers = drawn(5, 4)
    assert ClassMap.in_order(VICTIM).rows(answers) is answers


def test_columns_go_into_the_victims_order_and_nothing_else_changes():
    answers = drawn(2, 5, 4)
    rows = ClassMap.told(ClassList.of({"0": 2, "1": 0, "2": 3, "3": 1}), VICTIM).rows(answers)
    assert torch.equal(rows, answers[..., [1, 3, 0, 2]])


def test_what_further_classes_get_is_left_out_and_the_rest_divided_by_its_sum():
    answers = drawn(6, 5)
    rows = ClassMap.told(ClassList.of(["dog", "fox", "cat", "gnu", "eel"]), VICTIM).rows(answers)
    kept = answers[:, [2, 0, 4]] / answers[:, [2, 0, 4]].sum(1, keepdim=True)
    torch.testing.assert_close(rows, torch.stack([kept[:, 0], kept[:, 1], torch.zeros(6), kept[:, 2]], 1))


def test_a_label_that_the_victim_does_not_tell_is_none_and_says_nothing():
    classes = ClassMap.told(ClassList.of(["dog", "fox", "cat"]), VICTIM)
    answers = torch.eye(3)
    assert classes.labels(answers).tolist() == [1, -1, 0]
    assert classes.silent(answers).tolist() == [False, True, False]
    assert classes.rows(answers)[1].tolist() == [0.5, 0.5, 0, 0]


def test_rows_that_are_not_finite_stay_so():
    answers = drawn(3, 3)
    answers[1, 2] = torch.nan
    classes = ClassMap.told(ClassList.of(["dog", "cat", "fox"]), VICTIM)
    assert classes.rows(answers).isfinite().all(1).tolist() == [True, False, True]
    assert not bool(classes.silent(answers).any())
    shared = SharedClasses((0, 1), drawn(1, 3, 3))
    assert shared(answers[None], "probs").isfinite().all(-1).tolist() == [[True, False, True]]


def test_a_model_asked_through_a_map_answers_about_the_victims_classes():
    inner = Query(lambda pixels: torch.eye(2)[: len(pixels)], num_classes=2, outputs="probs", address="a", digest="d")
    query = MappedQuery(inner, ClassMap.told(ClassList.of(["eel", "cat"]), VICTIM))
    assert query(torch.zeros(2, 1, 1, 1)).tolist() == [[0, 0, 0, 1], [1, 0, 0, 0]]
    assert (query.address, query.digest, query.channel, query.outputs) == ("a", "d", inner.channel, inner.outputs)
    assert inner.spent == 2


# --- shared classes


def test_the_victim_goes_through_its_own_filter_unchanged():
    victim = drawn(2, 30, 4)
    torch.testing.assert_close(SharedClasses((0, 2, 3), victim)(victim, "probs"), victim)


@pytest.mark.parametrize("channel", ["probs", "rounded:2", "topk:2", "top1"])
def test_a_model_that_lacks_a_class_goes_through_the_filter_as_one_that_has_it_and_is_restricted(channel):
    """What a model gives to a class that is not shared, or how sure it is of it, changes nothing."""
    victim, logits = drawn(2, 30, 4), torch.randn(2, 30, 4, generator=torch.Generator().manual_seed(9))
    shared = SharedClasses((0, 1, 3), victim)
    full = logits.softmax(-1)
    logits[..., 2] = -torch.inf
    torch.testing.assert_close(shared(full, channel), shared(logits.softmax(-1), channel))


def test_queries_of_other_classes_are_the_same_for_every_model():
    victim = drawn(2, 30, 4)
    shared = SharedClasses((1, 3), victim)
    assert torch.equal(shared.kept, (victim.argmax(-1) == 1) | (victim.argmax(-1) == 3))
    one, other = (shared(drawn(2, 30, 4).flip(turn), "probs") for turn in (0, 1))
    assert torch.equal(one[~shared.kept], victim[~shared.kept])
    assert torch.equal(one[~shared.kept], other[~shared.kept])
    assert not torch.equal(one[shared.kept], other[shared.kept])


def test_labels_alone_stay_labels_of_shared_classes():
    victim = drawn(2, 40, 4)
    shared = SharedClasses((0, 1, 2), victim)
    rows = shared(drawn(2, 40, 4).flip(1), "top1")
    assert torch.isin(rows.argmax(-1)[shared.kept], torch.tensor([0, 1, 2])).all()


def test_the_first_views_are_filtered_as_they_are_among_all():
    victim, answers = drawn(3, 10, 4), drawn(2, 3, 10, 4)
    shared = SharedClasses((0, 2), victim)
    assert torch.equal(shared(answers, "probs")[:, :2], shared(answers[:, :2], "probs"))


# --- matching


def labelled(accuracy: float, classes: int = 4, count: int = 80) -> tuple[torch.Tensor, torch.Tensor]:
    source = torch.Generator().manual_seed(int(accuracy * 100))
    truth = torch.arange(count) % classes
    guessed = torch.randint(0, classes, (count,), generator=source)
    return torch.where(torch.rand(count, generator=source) < accuracy, truth, guessed), truth


@pytest.mark.parametrize("accuracy", [0.3, 0.6, 1.0])
def test_matching_undoes_any_renumbering_of_the_labels(accuracy):
    """So a model that is renumbered is compared exactly as it would be without that; p stays valid by this alone."""
    labels, truth = labelled(accuracy)
    plain = matched_order(labels, truth, 4)
    for renumbering in permutations(range(4)):
        given = torch.tensor(renumbering)[labels]
        order = matched_order(given, truth, 4)
        assert order is not None
        assert [order[new] for new in renumbering] == plain


def test_orders_that_fit_equally_well_are_none():
    truth = torch.arange(40) % 4
    assert matched_order(torch.zeros(40, dtype=torch.long), truth, 4) is None
    assert matched_order(torch.where(truth == 3, 2, truth), truth, 4) is None
    spread = torch.where((truth == 3) & (torch.arange(40) < 20), 0, torch.where(truth == 3, 1, truth))
    assert matched_order(spread, truth, 4) == [0, 1, 2, 3], "a single class is left over"
    assert matched_order(torch.full((40,), -1), truth, 4) is None


@pytest.mark.parametrize(("images", "enough"), [(20, True), (19, False), (0, False)])
def test_five_images_of_each_class_are_enough(images, enough):
    assert enough_images(torch.arange(images) % 4, 4) == enough


@pytest.mark.parametrize(
    ("wanted", "labels"),
    [(["Eel", "traffic light", "DOG", "cat"], [3, 2, 1, 0]), (["cat", "dog", "Traffic_Light", "eel"], [0, 1, 2, 3])],
)
def test_the_order_of_a_data_set_may_be_given_in_another_spelling(wanted, labels):
    images = np.zeros((4, 1, 2, 2), dtype=np.uint8)
    data = Dataset.from_arrays((images, np.arange(4)), (images, np.arange(4)), classes=VICTIM)
    ordered = data.in_order(wanted)
    assert ordered.train.labels.tolist() == labels
    assert set(ordered.classes) == set(VICTIM), "the names are those of the data"


def test_the_order_of_a_data_set_may_be_a_file_of_json(tmp_path):
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"id2label": {"1": "cat", "0": "eel"}}))
    assert read_classes(path) == ("eel", "cat")
    path.write_text(json.dumps({"1": None, "0": "eel"}))
    with pytest.raises(DataError, match="not all classes have a name"):
        read_classes(path)


# --- independent models


def file() -> IndependentFile:
    model = CalibrationModel(name="a", stratum="b", family="c")
    return IndependentFile(path=Path("a.onnx"), model=model, needs_backbone=False)


@pytest.mark.parametrize(
    ("told", "own", "count", "answer"),
    [
        (["eel", "dog", "cat", "Traffic_Light"], (), 4, [0.3, 0.2, 0.4, 0.1]),
        (["eel", "dog", "cat", "Traffic_Light", "fox"], (), 5, [0.3, 0.2, 0.4, 0.1]),
        (None, ("eel", "dog", "cat", "Traffic_Light"), 4, [0.3, 0.2, 0.4, 0.1]),
        (None, (), 4, [0.1, 0.2, 0.3, 0.4]),
    ],
    ids=["named", "further", "own", "in order"],
)
def test_an_independent_model_tells_the_victims_classes_in_its_order(told, own, count, answer):
    given = [0.1, 0.2, 0.3, 0.4, 0.0][:count]
    query = Query(lambda pixels: torch.tensor(given).repeat(len(pixels), 1), num_classes=count, outputs="probs")
    query.class_names = own
    put = in_victims_order(file(), query, told and ClassList.of(told), VICTIM)
    assert put(torch.zeros(1, 1, 1, 1))[0].tolist() == pytest.approx(answer)


@pytest.mark.parametrize(
    ("told", "count", "why"),
    [
        (["eel", "dog"], 2, "does not tell the victim's 'cat', 'Traffic_Light'"),
        (None, 3, "tells 3 classes"),
        (["eel", "eel", "cat", "dog"], 4, "named twice"),
    ],
)
def test_an_independent_model_without_all_the_victims_classes_cannot_calibrate(told, count, why):
    query = Query(lambda pixels: pixels, num_classes=count)
    with pytest.raises(ModelError, match=rf"cannot calibrate \(.*\): .*{why}"):
        in_victims_order(file(), query, told and ClassList.of(told), VICTIM)
