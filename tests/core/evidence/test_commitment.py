"""Commitments: an enrolment is what was fixed beforehand, with seeds that nobody could choose, or it is refused."""

from __future__ import annotations

import json

import attrs
import numpy as np
import pytest

import fpframe
from forging import forge, forge_json
from fpframe.base import now
from fpframe.enrolment import Beacon, Committed, Terms
from fpframe.enrolment.by_commitment import refuse_other_commitment
from fpframe.errors import IntegrityError, UsageError
from fpframe.evidence import Case, EvidenceError, commit, enroll_committed, read_private_key
from fpframe.recipe.recipe import Recipe
from sworncase import VALUE, make_key, soon

pytestmark = pytest.mark.usefixtures("few_models")


@pytest.fixture(scope="module")
def enrolment(sworn) -> fpframe.Enrolment:
    return fpframe.Enrolment.open(sworn.enrolment)


def again(sworn, *, victim=None, dataset=None, value=VALUE):
    return enroll_committed(
        Case.open(sworn.case),
        Beacon(sworn.terms.beacon, value),
        victim or sworn.victim,
        dataset,
        out=sworn.folder / "again.enrolment",
        run=sworn.run,
    )


def refused(code):
    return pytest.raises(EvidenceError, match=rf"\[{code}\]")


def test_what_is_shown_of_a_commitment_is_one_digest_and_nothing_of_the_victim(sworn):
    predicate = Case.open(sworn.case).statement.predicate
    assert set(predicate) == {"at", "beacon", "leaves", "signer", "source"}


def test_everything_that_decides_an_enrolment_is_committed_to(sworn, enrolment):
    told = {leaf.name: leaf.value for leaf in Case.open(sworn.case).leaves}
    assert told["victim"]["weights"] == enrolment.victim["digest"]
    assert told["data"]["classes"] == list(enrolment.classes)
    assert Recipe.parse(told["recipe"]).queries == sworn.recipe.queries
    assert Terms.read(told["terms"]) == sworn.terms
    made = [value for name, value in told.items() if name.startswith("component:")]
    assert {(each["kind"], each["name"]) for each in made} == {
        ("scheme", "uap-contrastive"),
        ("augmenter", "kmeans-neighbours"),
        ("perturbation", "uap"),
        ("encoder", "contrastive"),
        ("attack", "extract"),
    }
    for each in made:
        assert (each["distribution"], len(each["source"])) == ("fpframe", 0 if each["kind"] == "scheme" else 64)
    assert next(each for each in made if each["name"] == "uap")["params"]["epsilon"] == 0.3
    assert told["code"]["packages"]["torch"] == enrolment.origin.packages["torch"]


def test_two_commitments_to_the_same_show_nothing_in_common(sworn, tmp_path):
    key = read_private_key(sworn.folder / "me.pem")
    terms = attrs.evolve(sworn.terms, beacon=soon(60))
    first, second = (
        commit(sworn.victim, recipe=sworn.recipe, terms=terms, key=key, out=tmp_path / name, run=sworn.run)
        for name in ("first", "second")
    )
    assert [leaf.value for leaf in first.leaves] == [leaf.value for leaf in second.leaves]
    assert not {leaf.digest for leaf in first.leaves} & {leaf.digest for leaf in second.leaves}


def test_the_seed_follows_from_commitment_beacon_and_attempt(enrolment):
    committed = enrolment.commitment
    assert enrolment.recipe.queries.seed == committed.seed("queries")
    assert enrolment.recipe.seed == committed.terms.zoo_seed == 0
    others = [
        attrs.evolve(committed, root="00" * 32),
        attrs.evolve(committed, beacon=Beacon(committed.beacon.date, "00" * 32)),
        attrs.evolve(committed, beacon=Beacon("2026-12-01", committed.beacon.value)),
        attrs.evolve(committed, attempt=2),
    ]
    seeds = [each.seed("queries") for each in (committed, *others)] + [committed.seed("zoo")]
    assert len(set(seeds)) == len(seeds)
    assert all(0 <= seed < 2**63 for seed in seeds)


def test_without_a_public_seed_data_and_zoo_follow_from_the_beacon_too(enrolment):
    committed = enrolment.commitment
    leaves = [
        attrs.evolve(leaf, value={**leaf.value, "zoo_seed": None}) if leaf.name == "terms" else leaf
        for leaf in committed.leaves
    ]
    assert attrs.evolve(committed, leaves=tuple(leaves)).recipe().seed == committed.seed("zoo")


def test_each_enrolment_is_held_to_its_share_of_alpha_and_says_which_attempt_it_is(enrolment):
    assert enrolment.recipe.alpha == 0.25
    note = next(note for note in enrolment.caveats if note.code == "committed")
    assert "attempt 1 of 2" in note.text
    told = enrolment.to_dict()["commitment"]
    assert (told["attempt"], told["terms"]["enrolments"], told["terms"]["alpha"]) == (1, 2, 0.5)


def test_every_verdict_of_an_enrolment_without_a_commitment_says_so(sworn, enrolment, digits):
    network = sworn.network(digits)
    plain = attrs.evolve(enrolment, commitment=None)
    codes = [{note.code for note in fpframe.verify(each, network).caveats} for each in (enrolment, plain)]
    assert [codes[0] & {"committed", "not-committed"}, codes[1] & {"committed", "not-committed"}] == [
        {"committed"},
        {"not-committed"},
    ]


def test_an_enrolment_that_was_calibrated_otherwise_says_so(enrolment):
    source = attrs.evolve(enrolment.calibration, source="9 models of the folder 'theirs'")
    codes = {note.code for note in attrs.evolve(enrolment, calibration=source).caveats}
    assert codes & {"committed", "calibrated-otherwise"} == {"calibrated-otherwise"}


def test_what_was_settled_by_the_commitment_was_not_chosen_afterwards(sworn, enrolment, digits):
    leaves = [
        attrs.evolve(leaf, value={**leaf.value, "test": "sequential"}) if leaf.name == "terms" else leaf
        for leaf in enrolment.commitment.leaves
    ]
    settled = attrs.evolve(enrolment, commitment=attrs.evolve(enrolment.commitment, leaves=tuple(leaves)))
    network = sworn.network(digits)
    assert fpframe.verify(settled, network, test="sequential").choices["test"] == "enrolled"
    assert fpframe.verify(settled, network).choices["test"] == "chosen"


def test_the_log_holds_the_attempt_and_what_came_of_it(sworn, enrolment):
    started, finished = Case.open(sworn.case).log.entries
    assert (started.event, started.attempt, started.beacon) == ("started", 1, VALUE)
    assert (finished.event, finished.enrolment) == ("finished", enrolment.digest)


def test_a_second_attempt_asks_other_questions_and_a_third_is_refused(copied, enrolment):
    second = again(copied)
    assert second.commitment.attempt == 2
    assert second.queries.digest != enrolment.queries.digest
    with refused("attempts-spent"):
        again(copied)


def test_an_interrupted_attempt_is_made_again_to_the_same_enrolment(copied, enrolment):
    lines = (copied.case / "log.jsonl").read_bytes().splitlines(keepends=True)
    (copied.case / "log.jsonl").write_bytes(lines[0])
    assert again(copied).digest == enrolment.digest


def test_another_beacon_is_refused(copied):
    with refused("beacon-differs"):
        again(copied, value="00" * 32)
    with pytest.raises(UsageError, match="was committed to, and not that of 2026-12-01"):
        enroll_committed(Case.open(copied.case), Beacon("2026-12-01", VALUE), copied.victim, out="x", run=copied.run)


def test_a_beacon_that_is_not_there_yet_is_refused(copied, tmp_path):
    key, terms = read_private_key(copied.folder / "me.pem"), attrs.evolve(copied.terms, beacon=soon(3600))
    case = commit(copied.victim, recipe=copied.recipe, terms=terms, key=key, out=tmp_path / "new", run=copied.run)
    with pytest.raises(UsageError, match="nobody can know the beacon"):
        enroll_committed(case, Beacon(terms.beacon, VALUE), copied.victim, out=tmp_path / "x", run=copied.run)
    assert case.log.entries == ()


@pytest.mark.parametrize("beacon", ["2026-01-01", "2026-01-01T00:00:00Z"])
def test_a_beacon_that_may_be_known_already_cannot_be_committed_to(sworn, tmp_path, beacon):
    key, terms = read_private_key(sworn.folder / "me.pem"), attrs.evolve(sworn.terms, beacon=beacon)
    with pytest.raises(UsageError, match="is not later than the commitment"):
        commit(sworn.victim, recipe=sworn.recipe, terms=terms, key=key, out=tmp_path / "new", run=sworn.run)
    assert not (tmp_path / "new").exists()


def test_todays_beacon_is_not_of_a_later_day():
    assert not Beacon(now().date().isoformat(), VALUE).is_later_than(now())


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("5f" * 32, "DATE:HEX"),
        ("2026-12-01:5F5F", "lower-case hexadecimal"),
        ("2026-12-01:5f", "16 to 128 bytes"),
        (f"2026-13-01:{VALUE}", "a day or a time in UTC"),
        (f"2026-12-01T12:00:00+02:00:{VALUE}", "a day or a time in UTC"),
    ],
)
def test_a_beacon_that_cannot_be_read_is_refused(text, why):
    with pytest.raises(UsageError, match=why):
        Beacon.parse(text)


def test_another_victim_or_other_data_are_refused_before_anything_is_trained(copied, digits):
    with refused("committed-otherwise") as refusal:
        again(copied, victim=attrs.evolve(copied.victim, indices=np.arange(400)))
    assert "victim would be others" in str(refusal.value)
    fewer = attrs.evolve(digits, train=digits.train[:1000])
    with refused("committed-otherwise") as refusal:
        again(copied, dataset=fewer)
    assert "data" in refusal.value.reason
    assert len(Case.open(copied.case).log.entries) == 2


def test_another_source_of_fpframe_is_refused(copied, monkeypatch):
    monkeypatch.setattr("fpframe.enrolment.origin.source_digest", lambda package: "00" * 32)
    with refused("committed-otherwise") as refusal:
        again(copied)
    assert "code, component:" in refusal.value.reason


def test_an_alpha_that_its_share_cannot_reach_is_refused_before_anything_is_committed(sworn, tmp_path):
    key, terms = read_private_key(sworn.folder / "me.pem"), attrs.evolve(sworn.terms, beacon=soon(60), enrolments=3)
    with pytest.raises(UsageError, match="alpha"):
        commit(sworn.victim, recipe=sworn.recipe, terms=terms, key=key, out=tmp_path / "new", run=sworn.run)


@pytest.mark.parametrize("change", ["leaf", "root", "salt", "attempt", "beacon", "order"])
def test_an_enrolment_whose_commitment_was_changed_is_refused(copied, change):
    def changed(stored):
        if change == "leaf":
            next(leaf for leaf in stored["leaves"] if leaf["name"] == "terms")["value"]["enrolments"] = 1
        elif change == "salt":
            stored["leaves"][0]["salt"] = "00" * 32
        elif change == "order":
            stored["leaves"].reverse()
        else:
            other = {"root": "00" * 32, "attempt": 2, "beacon": {**stored["beacon"], "value": "00" * 32}}
            stored[change] = other[change]

    forge_json(copied.enrolment, "commitment.json", changed)
    with pytest.raises(IntegrityError, match="does not fit together"):
        fpframe.Enrolment.open(copied.enrolment)


@pytest.mark.parametrize(
    ("field", "value", "why"),
    [
        ("alpha", 0.5, "its level 0.5 is higher than the 0.25"),
        ("seed", 1, "its recipe is not the committed one"),
        ("epochs", {"victim": 1}, "its recipe is not the committed one"),
        ("filters", ("flip(0.5)",), "its recipe is not the committed one"),
    ],
)
def test_an_enrolment_with_another_recipe_than_was_committed_to_is_refused(enrolment, tmp_path, field, value, why):
    attrs.evolve(enrolment, recipe=attrs.evolve(enrolment.recipe, **{field: value})).save(tmp_path / "x.enrolment")
    with pytest.raises(IntegrityError, match=why):
        fpframe.Enrolment.open(tmp_path / "x.enrolment")


def test_how_long_architectures_are_trained_may_be_settled_when_the_enrolment_is_made(enrolment):
    leaves = [
        attrs.evolve(leaf, value=attrs.evolve(Recipe.parse(leaf.value), as_able_as_victim=True).to_toml())
        if leaf.name == "recipe"
        else leaf
        for leaf in enrolment.commitment.leaves
    ]
    settled = attrs.evolve(enrolment.recipe, epochs={"paper:arc-c": 20})
    made = attrs.evolve(enrolment, recipe=settled, commitment=attrs.evolve(enrolment.commitment, leaves=tuple(leaves)))
    refuse_other_commitment(made)


def test_an_enrolment_of_another_victim_or_other_code_is_refused(enrolment, tmp_path):
    victim = {**enrolment.victim, "digest": "00" * 32}
    attrs.evolve(enrolment, victim=victim).save(tmp_path / "victim.enrolment")
    with pytest.raises(IntegrityError, match="the 'weights' of its victim"):
        fpframe.Enrolment.open(tmp_path / "victim.enrolment")
    origin = attrs.evolve(enrolment.origin, source="00" * 32)
    attrs.evolve(enrolment, origin=origin).save(tmp_path / "code.enrolment")
    with pytest.raises(IntegrityError, match="'code' is another one"):
        fpframe.Enrolment.open(tmp_path / "code.enrolment")
    attrs.evolve(enrolment, origin=None).save(tmp_path / "none.enrolment")
    with pytest.raises(IntegrityError, match="by which code it was made"):
        fpframe.Enrolment.open(tmp_path / "none.enrolment")


@pytest.mark.parametrize("name", ["commitment.dsse.json", "leaves.json", "log.jsonl"])
def test_a_case_of_which_anything_is_missing_changed_or_a_link_is_refused(copied, name):
    path = copied.case / name
    content = path.read_bytes()
    path.write_bytes(content.replace(b'"', b"'", 1))
    with pytest.raises(EvidenceError, match=r"\[(envelope-damaged|member-damaged|log-damaged)\]"):
        Case.open(copied.case)
    path.unlink()
    with refused("member-missing"):
        Case.open(copied.case)
    path.symlink_to("/dev/zero")
    with refused("member-damaged"):
        Case.open(copied.case)


def test_leaves_of_another_commitment_are_refused(copied):
    stored = json.loads((copied.case / "leaves.json").read_text())
    stored["leaves"][0]["salt"] = "00" * 32
    (copied.case / "leaves.json").write_text(json.dumps(stored))
    with refused("commitment-differs"):
        Case.open(copied.case)


def test_a_case_signed_by_somebody_else_is_another_case(copied, tmp_path):
    make_key(tmp_path, "else")
    terms = attrs.evolve(copied.terms, beacon=soon(60))
    key = read_private_key(tmp_path / "else.pem")
    other = commit(copied.victim, recipe=copied.recipe, terms=terms, key=key, out=tmp_path / "new", run=copied.run)
    (copied.case / "commitment.dsse.json").write_bytes(other.envelope)
    with refused("commitment-differs"):
        Case.open(copied.case)


def test_a_commitment_is_read_as_it_was_written(enrolment):
    committed = enrolment.commitment
    assert Committed.read(json.loads(json.dumps(committed.to_dict()))) == committed
    for stored in (None, {}, {**committed.to_dict(), "attempt": 0}, {**committed.to_dict(), "root": "x"}):
        with pytest.raises(ValueError, match=r"commitment|attempt"):
            Committed.read(stored)


def test_the_members_are_optional_and_listed(sworn):
    told = json.loads((sworn.enrolment / "manifest.json").read_text())
    assert {"origin": 1, "commitment": 1}.items() <= told["optional"].items()


def test_an_enrolment_that_names_a_commitment_and_leaves_out_ability_is_still_held_to_it(copied, enrolment):
    recipe = attrs.evolve(enrolment.recipe, queries=attrs.evolve(enrolment.recipe.queries, seed=7))
    forge(copied.enrolment, members={"recipe.toml": recipe.to_toml().encode(), "ability.safetensors": None})
    told = json.loads((copied.enrolment / "manifest.json").read_text())["optional"]
    forge(copied.enrolment, optional={name: version for name, version in told.items() if name != "ability"})
    with pytest.raises(IntegrityError, match="its recipe is not the committed one"):
        fpframe.Enrolment.open(copied.enrolment)
