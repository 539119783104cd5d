"""Suspects whose classes stand in another order, are fewer or more than the victim's, or are called otherwise."""

from __future__ import annotations

import json

import attrs
import jsonschema
import pytest
import torch

import fpframe
from fpframe.cli import run
from fpframe.enrolment import PLAIN
from fpframe.enrolment.enrolment import Enrolment
from fpframe.errors import ModelError, UsageError
from fpframe.report import verdict_html
from fpframe.verification.verdict_json import verdict_schema
from fpframe.verification.yardsticks import ComparedClasses, Yardsticks

#: The order in which a thief sorts the classes, and the classes that are left when one is dropped.
SORTED = (3, 1, 4, 0, 5, 9, 2, 6, 8, 7)
NINE = (0, 1, 2, 3, 4, 5, 6, 8, 9)
FIVE = (0, 2, 4, 5, 8)
CHANNELS = ("probs", pytest.param("rounded:2", marks=pytest.mark.slow), "top1")


@pytest.fixture(scope="module")
def enrolment(tiny_enrolment) -> Enrolment:
    return Enrolment.open(tiny_enrolment)


@pytest.fixture(scope="module")
def yardsticks(enrolment, registry) -> Yardsticks:
    return Yardsticks(enrolment, registry)


@pytest.fixture(scope="module")
def models(tiny_store):
    """A thief's model and independent ones, by stratum or attack."""
    plan = fpframe.plan_zoo("tiny", run=fpframe.Run(store=tiny_store), splits=("test",))
    zoo = plan.build()
    return {model.stratum: zoo.load(model) for model in reversed(zoo.models)}


@pytest.fixture(scope="module")
def thief(models):
    return models["finetune(all)"]


INNOCENT = (
    "same-data",
    *(pytest.param(kind, marks=pytest.mark.slow) for kind in ("disjoint-data", "other-architecture")),
)


def telling(model, columns, channel="probs", *, names=(), further=-20.0):
    """Return a suspect that tells some of a model's classes, in an order; -1 is a class of which it gets a logit."""

    def suspect(pixels):
        logits = model.logits(pixels)
        picked = torch.stack([logits[:, c] if c >= 0 else torch.full((len(pixels),), further) for c in columns], 1)
        return fpframe.through_channel(picked.softmax(1), channel)

    if names:
        suspect.class_names = list(names)
    return suspect


def called(columns):
    return [str(c) if c >= 0 else f"further {place}" for place, c in enumerate(columns)]


def codes(verdict):
    return {note.code for note in verdict.caveats}


#: How a thief may change its classes, and which options compare it all the same.
WAYS = {
    "sorted, by names": (SORTED, {"classes": called(SORTED)}),
    "sorted, matched": (SORTED, {"match_classes": True}),
    "a class dropped": (NINE, {"classes": called(NINE)}),
    "dropped and sorted": (NINE[::-1], {"classes": called(NINE[::-1])}),
    "further classes": ((*SORTED, -1, -1), {"classes": called((*SORTED, -1, -1))}),
    "a class for another": ((*NINE, -1), {"classes": called((*NINE, -1))}),
}


@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize(("columns", "options"), WAYS.values(), ids=WAYS)
def test_a_thief_does_not_escape_by_changing_its_classes(enrolment, thief, columns, options, channel):
    verdict = fpframe.verify(enrolment, telling(thief, columns, channel), **options)
    assert verdict.verdict == "DERIVED", verdict.sentence


@pytest.mark.parametrize("stratum", INNOCENT)
@pytest.mark.parametrize(("columns", "options"), WAYS.values(), ids=WAYS)
def test_an_innocent_that_changes_its_classes_is_not_accused(enrolment, models, columns, options, stratum):
    verdict = fpframe.verify(enrolment, telling(models[stratum], columns), **options)
    assert verdict.verdict != "DERIVED", verdict.sentence


@pytest.mark.parametrize("options", [WAYS["sorted, by names"][1], {"match_classes": True}], ids=["named", "matched"])
@pytest.mark.parametrize("channel", CHANNELS)
def test_another_order_changes_no_score(enrolment, thief, options, channel):
    plain = fpframe.verify(enrolment, telling(thief, range(10), channel))
    verdict = fpframe.verify(enrolment, telling(thief, SORTED, channel), **options)
    # scores are given to six places: where sums in another order change the last bit, the sixth place may move by one
    assert verdict.view_scores == pytest.approx(plain.view_scores, abs=1.01e-6)
    assert (verdict.verdict, verdict.p_value, verdict.ability) == (plain.verdict, plain.p_value, plain.ability)


# --- without the options


def test_another_order_is_no_verdict_and_says_what_helps(enrolment, thief):
    verdict = fpframe.verify(enrolment, telling(thief, SORTED))
    assert (verdict.verdict, verdict.reason_code) == ("INCONCLUSIVE", "classes-in-another-order")
    assert "its class 0 looks like the victim's 3" in verdict.reason
    assert "--match-classes" in verdict.reason


def test_a_few_classes_that_change_places_are_seen_too(enrolment, thief):
    """So few that the labels agree well enough for the same task, and the scores would clear a thief in silence."""
    swapped = (0, 1, 3, 2, *range(4, 10))
    verdict = fpframe.verify(enrolment, telling(thief, swapped))
    assert (verdict.verdict, verdict.reason_code) == ("INCONCLUSIVE", "classes-in-another-order")
    assert fpframe.verify(enrolment, telling(thief, swapped), match_classes=True).verdict == "DERIVED"


def test_a_name_for_the_wrong_class_is_no_verdict(enrolment, thief):
    wrong = [*called(SORTED[:2]), *called(SORTED[3:1:-1]), *called(SORTED[4:])]
    verdict = fpframe.verify(enrolment, telling(thief, SORTED), classes=wrong)
    assert (verdict.verdict, verdict.reason_code) == ("INCONCLUSIVE", "classes-in-another-order")
    assert "Check the names" in verdict.reason


def test_another_number_of_classes_is_an_error_that_says_what_helps(enrolment, thief):
    with pytest.raises(ModelError, match=r"--classes"):
        fpframe.verify(enrolment, telling(thief, NINE))


def test_no_order_is_doubted_of_models_that_have_the_victims(enrolment, models):
    for model in list(models.values())[::5]:
        assert fpframe.verify(enrolment, telling(model, range(10))).reason_code != "classes-in-another-order"


def test_a_class_that_is_never_given_is_said(enrolment, thief):
    def masked(pixels):
        logits = thief.logits(pixels)
        logits[:, 7] = -30
        return logits.softmax(1)

    verdict = fpframe.verify(enrolment, masked)
    [note] = [note for note in verdict.caveats if note.code == "class-never-given"]
    assert "'7'" in note.text
    named = fpframe.verify(enrolment, masked, classes=[None if c == 7 else str(c) for c in range(10)])
    assert named.verdict == "DERIVED"
    assert "class-never-given" not in codes(named)


# --- what the suspect's own files say


def test_own_names_put_classes_into_order_unless_somebody_says_otherwise(enrolment, thief):
    suspect = telling(thief, SORTED, names=called(SORTED))
    verdict = fpframe.verify(enrolment, suspect)
    assert verdict.verdict == "DERIVED"
    assert "classes-own-names" in codes(verdict)
    assert verdict.choices["classes"] == "enrolled"
    assert fpframe.verify(enrolment, suspect, classes="none").reason_code == "classes-in-another-order"


def test_own_names_tell_how_many_classes_there_are(enrolment, thief):
    verdict = fpframe.verify(enrolment, telling(thief, NINE, names=called(NINE)))
    assert verdict.verdict == "DERIVED"
    assert verdict.settings["classes"]["shared"] == 9


def test_own_names_that_lie_clear_nobody(enrolment, thief):
    verdict = fpframe.verify(enrolment, telling(thief, range(10), names=called(SORTED)))
    assert (verdict.verdict, verdict.reason_code) == ("INCONCLUSIVE", "classes-in-another-order")


def test_own_names_that_are_not_the_victims_are_told_and_change_nothing(enrolment, thief):
    names = [f"digit {number}" for number in range(10)]
    verdict = fpframe.verify(enrolment, telling(thief, range(10), names=names))
    assert verdict.verdict == "DERIVED"
    assert "classes-not-compared" in codes(verdict)
    library = fpframe.verify(enrolment, telling(thief, range(10), names=[f"LABEL_{n}" for n in range(10)]))
    assert not {code for code in codes(library) if code.startswith("class")}


def test_a_suspect_may_answer_with_its_own_names(enrolment, thief):
    names = ["nine", *called(SORTED)[1:]]

    def suspect(pixels):
        return [names[int(label)] for label in thief.logits(pixels)[:, list(SORTED)].argmax(1)]

    verdict = fpframe.verify(enrolment, suspect, classes=names)
    assert verdict.channel == "top1"
    assert verdict.settings["classes"]["shared"] == 9


# --- validity: everybody goes through the same


@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize(
    ("columns", "options", "compared"),
    [
        (NINE, {"classes": called(NINE)}, ComparedClasses(shared=NINE)),
        pytest.param(FIVE, {"classes": called(FIVE)}, ComparedClasses(shared=FIVE), marks=pytest.mark.slow, id="five"),
        (SORTED, {"match_classes": True}, ComparedClasses(matched=True)),
    ],
    ids=["nine", None, "matched"],
)
def test_a_calibration_model_as_a_suspect_scores_as_it_does_in_the_calibration(
    enrolment, yardsticks, columns, options, compared, channel
):
    """By this, and by ranks alone, p keeps its promise: what is done to a suspect is done to all."""
    images = enrolment.queries.images.flatten(0, 1).float() / 255
    yardstick = yardsticks.of(channel, classes=compared)
    for stratum, chosen in list(enrolment.calibration.rows.items())[:1]:
        rows = enrolment.calibration.answers[PLAIN][chosen[0]].flatten(0, 1)
        able = enrolment.ability.models[chosen[0]].long()

        def replay(pixels, rows=rows, able=able):
            known = (pixels[:, None] - images[None]).abs().amax((2, 3, 4))
            labelled = (pixels[:, None] - enrolment.able[None].float() / 255).abs().amax((2, 3, 4))
            sure = torch.nn.functional.one_hot(able[labelled.argmin(1)], 10) * 0.9 + 0.01
            answers = torch.where((known.amin(1) <= labelled.amin(1))[:, None], rows[known.argmin(1)], sure)
            part = answers[:, list(columns)]
            return fpframe.through_channel(part / part.sum(1, keepdim=True), channel)

        verdict = fpframe.verify(enrolment, replay, channel=channel, **options)
        expected = yardstick.paths[stratum].views[0]
        if verdict.view_scores:
            assert verdict.view_scores == pytest.approx(expected.tolist(), abs=2e-6)
        assert verdict.verdict != "DERIVED"


def test_what_a_suspect_says_of_classes_that_are_not_shared_changes_nothing(enrolment, thief):
    names = [*called(NINE), "a class of its own"]
    one = fpframe.verify(enrolment, telling(thief, (*NINE, -1)), classes=names)
    other = fpframe.verify(enrolment, telling(thief, (*NINE, -1), further=2.0), classes=names)
    assert one.view_scores == pytest.approx(other.view_scores, abs=1e-4)


def test_a_class_that_both_tell_cannot_be_left_out(enrolment, thief):
    names = [*called(NINE), "a class of its own"]
    verdict = fpframe.verify(enrolment, telling(thief, (*NINE, 7)), classes=names)
    assert (verdict.verdict, verdict.reason_code) == ("INCONCLUSIVE", "classes-left-out")
    assert "class 9 ('a class of its own') looks like the victim's 7" in verdict.reason


# --- too little to compare


@pytest.mark.parametrize(("names", "number"), [(["a", "b", "c"], "0"), (["3", "x", "y"], "1")])
def test_fewer_than_two_shared_classes_are_no_verdict_and_nothing_is_asked(enrolment, names, number):
    def never(pixels):
        raise AssertionError("it was asked")

    verdict = fpframe.verify(enrolment, never, classes=names)
    assert (verdict.verdict, verdict.reason_code, verdict.queries) == ("INCONCLUSIVE", "classes-too-few", 0)
    assert f"only {number} of the victim's 10 classes" in verdict.reason


def test_a_suspect_that_answers_mostly_with_other_classes_gets_no_verdict(enrolment, thief):
    def elsewhere(pixels):
        labels = thief.logits(pixels).argmax(1)
        return torch.where(pixels.sum((1, 2, 3)) * 1000 % 2 < 1, 10, labels)

    verdict = fpframe.verify(enrolment, elsewhere, classes=[*map(str, range(10)), "nothing"], outputs="labels")
    assert (verdict.verdict, verdict.reason_code) == ("INCONCLUSIVE", "classes-outside")


def test_too_few_labelled_images_are_refused_by_their_number(enrolment):
    few = attrs.evolve(
        enrolment.ability,
        images=enrolment.ability.images[:20],
        truth=enrolment.ability.truth[:20],
        victim=enrolment.ability.victim[:20],
        models=enrolment.ability.models[:, :20],
    )
    with pytest.raises(UsageError, match="20 labelled images are too few to match 10 classes by them: 5 of each"):
        fpframe.verify(attrs.evolve(enrolment, ability=few), lambda pixels: pixels, match_classes=True)


def test_a_suspect_whose_labels_fit_in_several_orders_is_not_matched(enrolment):
    def two_labels(pixels):
        return (pixels.sum((1, 2, 3)) > 20).long()

    verdict = fpframe.verify(enrolment, two_labels, outputs="labels", match_classes=True)
    assert (verdict.verdict, verdict.reason_code) == ("INCONCLUSIVE", "classes-not-matched")


def test_names_and_matching_exclude_each_other(enrolment):
    with pytest.raises(UsageError, match="leave out --match-classes or --classes"):
        fpframe.verify(enrolment, lambda pixels: pixels, classes=called(SORTED), match_classes=True)


# --- the record


@pytest.mark.parametrize("way", ["sorted, matched", "a class for another"])
def test_what_was_chosen_is_in_the_verdict_and_recorded_answers_give_it_again(enrolment, thief, way, tmp_path):
    columns, options = WAYS[way]
    verdict = fpframe.verify(enrolment, telling(thief, columns), **options)
    data = json.loads(json.dumps(verdict.to_dict()))
    jsonschema.validate(data, verdict_schema())
    assert fpframe.Verdict.from_dict(data) == verdict
    assert verdict.choices["classes"] == "chosen"
    assert "map of classes was chosen" in next(n.text for n in verdict.caveats if n.code == "chosen-afterwards")
    told = data["settings"]["classes"]
    assert told["means"] == [c if c >= 0 else None for c in columns]
    assert told["how"] == ("matched" if "match_classes" in options else "named")
    verdict.transcript.save(tmp_path / "answers.npz")
    [again] = fpframe.verify_many(enrolment, answers=[tmp_path / "answers.npz"], **options)
    assert (again.verdict, again.view_scores, again.p_value) == (verdict.verdict, verdict.view_scores, verdict.p_value)
    assert again.settings["classes"] == told
    page = verdict_html([verdict], enrolment)
    assert "compared on" in page
    assert ("--match-classes" if "match_classes" in options else "--classes") in page


def test_own_names_are_recorded_with_the_answers(enrolment, thief, tmp_path):
    verdict = fpframe.verify(enrolment, telling(thief, NINE, names=called(NINE)))
    verdict.transcript.save(tmp_path / "answers.npz")
    [again] = fpframe.verify_many(enrolment, answers=[tmp_path / "answers.npz"])
    assert (again.verdict, again.view_scores) == (verdict.verdict, verdict.view_scores)


@pytest.mark.parametrize(("columns", "options"), [WAYS["sorted, matched"], WAYS["a class dropped"]])
def test_an_early_stop_compares_in_the_same_way(enrolment, thief, models, columns, options):
    assert fpframe.verify(enrolment, telling(thief, columns), test="sequential", **options).verdict == "DERIVED"
    innocent = fpframe.verify(enrolment, telling(models["same-data"], columns), test="sequential", **options)
    assert innocent.verdict != "DERIVED"


def test_a_filter_is_put_before_classes_are_left_out(enrolment, thief):
    verdict = fpframe.verify(enrolment, telling(thief, NINE), through="temperature(2)", classes=called(NINE))
    assert verdict.through
    assert {name.partition(",")[0] for name in verdict.strata} == set(enrolment.calibration.rows)
    assert verdict.view_scores


# --- the command


def test_the_command_takes_a_file_of_names(tiny_enrolment, thief, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    verdict = fpframe.verify(tiny_enrolment, telling(thief, NINE), classes=called(NINE))
    verdict.transcript.save("answers.npz")
    (tmp_path / "labels.txt").write_text("\n".join(called(NINE)))
    command = ["verify", str(tiny_enrolment), "--answers", "answers.npz"]
    assert run([*command, "--classes", "labels.txt"]) == 0
    assert "compared on 9 of 10 classes, as they were named" in capsys.readouterr().out
    assert run([*command, "--classes", "none"]) == 3
    assert "--classes" in capsys.readouterr().err
    assert run([*command, "--classes", "missing.txt"]) == 3
    assert "there is no such file of classes (missing.txt)" in capsys.readouterr().err
