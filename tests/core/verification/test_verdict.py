"""A verdict as an object and as JSON: both say the same, and the schema that is shipped describes it."""

from __future__ import annotations

import copy
import json
import math

import attrs
import jsonschema
import pytest

import fpframe
from fpframe import DataError, Note, Verdict
from fpframe.verification import verdict_schema
from fpframe.verification.verdict_json import SettingFields, SuspectFields, VerdictFields
from frozen import able_enrolment, answers
from tiny import larger

TESTS = ("conformal", "sequential", "welch", "welch-by-stratum")


@pytest.fixture(scope="module")
def enrolment() -> fpframe.Enrolment:
    return larger(able_enrolment(), 4)


@pytest.fixture(scope="module")
def verdicts(enrolment) -> dict[str, Verdict]:
    """Real verdicts of all three words, by every test, and one that is certified."""
    made = {}
    for test in TESTS:
        for suspect in ("derived", "independent"):
            [made[f"{suspect} {test}"]] = fpframe.verify_many(enrolment, answers=[answers(suspect)], test=test)
        [made[f"silent {test}"]] = fpframe.verify_many(enrolment, [lambda x: x.new_full((len(x), 10), 0.1)], test=test)
    [made["certified"]] = fpframe.verify_many(enrolment, answers=[answers("derived")], certify=True)
    [made["asked nothing"]] = fpframe.verify_many(
        attrs.evolve(enrolment, standards={}), answers=[answers("derived")], test="sequential"
    )
    [made["flipping"]] = fpframe.verify_many(enrolment, answers=[answers("flipping")], mean=(0.5,), std=(0.25,))
    return made


@pytest.fixture(scope="module")
def validator() -> jsonschema.Draft202012Validator:
    jsonschema.Draft202012Validator.check_schema(verdict_schema())
    return jsonschema.Draft202012Validator(verdict_schema())


def faults(validator, told) -> list[str]:
    return [error.message for error in validator.iter_errors(told)]


def test_the_verdicts_of_these_tests_have_all_words_and_all_tests(verdicts):
    assert {verdict.verdict for verdict in verdicts.values()} == {"DERIVED", "NOT_SHOWN", "INCONCLUSIVE"}
    assert {verdict.test for verdict in verdicts.values()} == set(TESTS)
    assert any(verdict.looks for verdict in verdicts.values())


def test_every_verdict_fits_the_schema_that_is_shipped(verdicts, validator):
    for name, verdict in verdicts.items():
        assert faults(validator, json.loads(json.dumps(verdict.to_dict(), allow_nan=False))) == [], name


def test_the_schema_knows_exactly_the_fields_of_a_verdict_and_requires_all():
    schema = verdict_schema()
    parts = schema["$defs"] | schema["properties"]
    for described, kind in (
        (schema, VerdictFields),
        (parts["stratum"], fpframe.decision.StratumResult),
        (parts["look"], fpframe.verification.looks.Look),
        (parts["note"], Note),
        (parts["suspect"], SuspectFields),
    ):
        names = [field.name for field in attrs.fields(kind)]
        assert list(described["properties"]) == names
        # known of networks that fpframe built alone, and said of few
        needed = [name for name in names if kind is not SuspectFields or name not in ("architecture", "preparation")]
        assert sorted(described["required"]) == sorted(needed)
        assert described["additionalProperties"] is False
    assert list(parts["settings"]["properties"]) == [field.name for field in attrs.fields(SettingFields)]
    assert schema["properties"]["schema_version"]["const"] == Verdict.schema_version.fget(None)


@pytest.mark.parametrize("name", [field.name for field in attrs.fields(VerdictFields)])
def test_a_verdict_with_a_field_less_or_of_another_type_is_refused_by_schema_and_by_reading(verdicts, validator, name):
    told = verdicts["derived sequential"].to_dict()
    for broken in ({key: value for key, value in told.items() if key != name}, {**told, name: {"odd": [None]}}):
        assert faults(validator, broken)
        with pytest.raises(DataError, match=name):
            Verdict.from_dict(broken)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ((), "unknown key 'more'"),
        (("strata", "same-data"), "unknown key 'strata.same-data.more'"),
        (("looks", 0), "unknown key 'looks.0.more'"),
        (("caveats", 0), "unknown key 'caveats.0.more'"),
        (("suspect",), "unknown key 'suspect.more'"),
        (("settings",), "unknown key 'settings.more'"),
        (("choices",), "unknown key 'choices.more'"),
        (("ability",), "unknown key 'ability.more'"),
    ],
)
def test_a_key_too_many_is_refused_wherever_it_stands(verdicts, validator, path, message):
    told = copy.deepcopy(verdicts["derived sequential"].to_dict())
    place = told
    for step in path:
        place = place[step]
    place["more"] = 1
    assert faults(validator, told)
    with pytest.raises(DataError, match=f"this is not a verdict: {message}"):
        Verdict.from_dict(told)


@pytest.mark.parametrize("version", [0, 1, 3, "2", True, None])
def test_another_schema_version_is_refused_by_name(verdicts, validator, version):
    told = {**verdicts["derived conformal"].to_dict(), "schema_version": version}
    assert faults(validator, told)
    with pytest.raises(DataError, match="'schema_version' of a verdict must be 2"):
        Verdict.from_dict(told)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"alpha": 0.01}, "a decision cannot be DERIVED at level 0.01"),
        ({"p_value": 0.001}, "a decision cannot be DERIVED with a p-value of 0.001"),
        ({"verdict": "INCONCLUSIVE"}, "a decision cannot be INCONCLUSIVE without a reason"),
        ({"reason": "Why."}, "'code' must match"),
        ({"interval": [0.1]}, "'interval' has 1 ends"),
    ],
)
def test_a_verdict_that_its_numbers_contradict_cannot_be_read(verdicts, changes, message):
    with pytest.raises(DataError, match=message):
        Verdict.from_dict({**verdicts["derived conformal"].to_dict(), **changes})


def test_a_verdict_comes_back_from_its_json(verdicts):
    for name, verdict in verdicts.items():
        told = json.loads(json.dumps(verdict.to_dict()))
        again = Verdict.from_dict(told)
        assert again.to_dict() == told, name
        assert again == verdict, name
        assert (again.transcript, again.decision.strata.keys()) == (None, verdict.decision.strata.keys())


def test_every_field_of_the_json_is_an_attribute_that_says_the_same(verdicts):
    for verdict in verdicts.values():
        for name, told in verdict.to_dict().items():
            value = getattr(verdict, name)
            if told is None:
                assert math.isnan(value)
            elif isinstance(told, str | int | float):
                assert value == told
    assert verdicts["derived conformal"].strata["same-data"].n == 36


def test_a_verdict_that_was_read_keeps_the_words_of_then(verdicts):
    told = {**verdicts["derived conformal"].to_dict(), "sentence": "As it was said."}
    assert Verdict.from_dict(told).sentence == "As it was said."


def test_verdicts_are_equal_by_value_also_without_numbers_and_whatever_their_transcript(verdicts, enrolment):
    for name in ("derived conformal", "silent conformal"):
        one, other = verdicts[name], attrs.evolve(verdicts[name], transcript=None)
        assert one == other
        assert hash(one) == hash(other)
        assert one != attrs.evolve(one, queries=one.queries + 1)
        assert one != one.to_dict()
    assert len(set(verdicts.values())) == len(verdicts)
    assert math.isnan(verdicts["silent conformal"].score)


def test_a_verdict_shows_itself_on_one_short_line(verdicts):
    assert repr(verdicts["derived conformal"]).startswith("Verdict(DERIVED, score=0.99")
    assert "reason_code='answers-constant'" in repr(verdicts["silent welch"])
    assert all(len(repr(verdict)) < 200 and "\n" not in repr(verdict) for verdict in verdicts.values())


def test_the_sentence_of_a_verdict_by_the_t_test_says_that_it_is_none(verdicts):
    for test in ("welch", "welch-by-stratum"):
        assert verdicts[f"derived {test}"].sentence.startswith("No verdict, but a comparison")


def test_looks_end_with_the_numbers_of_the_verdict(verdicts):
    for suspect in ("derived", "independent"):
        verdict = verdicts[f"{suspect} sequential"]
        last = verdict.looks[-1]
        assert len(verdict.looks) == verdict.views == last.views
        assert (last.score, last.evidence, last.stopped) == (verdict.score, verdict.p_value, verdict.stopped)
    assert verdicts["silent sequential"].looks == ()
    assert verdicts["derived conformal"].looks == ()


def test_a_notebook_shows_the_sentence_and_every_stratum(verdicts):
    for name, verdict in verdicts.items():
        shown = verdict._repr_html_()
        assert verdict.verdict in shown, name
        assert all(f"<td>{stratum}</td>" in shown for stratum in verdict.strata)
        assert "nan" not in shown


def test_what_a_stranger_wrote_is_no_markup(verdicts):
    assert "<script>" not in attrs.evolve(verdicts["certified"], sentence="<script>alert(1)</script>")._repr_html_()
