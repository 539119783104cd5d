"""The format of enrolments: what is not known is refused by name, and what is new leaves the rest as it was."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import attrs
import pytest

import fpframe
from forging import forge
from fpframe.base import Note
from fpframe.enrolment import format as formats
from fpframe.enrolment.enrolment import Enrolment
from fpframe.enrolment.format import MEMBERS, NEWEST, RESERVED, Member
from fpframe.errors import IntegrityError, UsageError
from fpframe.store import SEAL
from fpframe.store.sealed import SIZES
from frozen import ENROLMENT


@attrs.frozen(kw_only=True, eq=False)
class Traced(Enrolment):
    """An enrolment with a member that a later release might add."""

    provenance: str | None = None


@pytest.fixture
def copy(tmp_path) -> Path:
    return Path(shutil.copytree(ENROLMENT, tmp_path / "copy.enrolment"))


@pytest.fixture
def traced(monkeypatch) -> None:
    row = Member(
        file="provenance.txt",
        encode=lambda contents: contents.provenance.encode() if getattr(contents, "provenance", None) else None,
        decode=lambda content: content.decode(),
        version=1,
    )
    monkeypatch.setitem(formats.MEMBERS, "provenance", row)


def with_provenance(provenance: str | None) -> Traced:
    opened = Enrolment.open(ENROLMENT)
    fields = [field.name for field in attrs.fields(Enrolment) if field.init]
    return Traced(**{name: getattr(opened, name) for name in fields}, provenance=provenance)


def test_an_optional_member_is_written_read_and_part_of_the_digest(traced, tmp_path):
    without, with_one = with_provenance(None), with_provenance("made by hand")
    assert without.digest == Enrolment.open(ENROLMENT).digest
    assert with_one.digest != without.digest
    with_one.save(tmp_path / "traced.enrolment")
    assert Traced.open(tmp_path / "traced.enrolment").provenance == "made by hand"
    assert Traced.open(ENROLMENT).provenance is None
    without.save(tmp_path / "plain.enrolment")
    manifests = [
        json.loads((tmp_path / name / "manifest.json").read_text()) for name in ("traced.enrolment", "plain.enrolment")
    ]
    assert [manifest["format"] for manifest in manifests] == [3, 2], "the oldest format that can hold it"


def test_a_member_of_a_later_release_is_refused_by_name_and_version(copy, monkeypatch):
    monkeypatch.setitem(RESERVED, "provenance", "where it comes from")
    forge(copy, format=3, optional={"provenance": 1}, members={"provenance.json": b"{}"})
    message = (
        "this enrolment has a member 'provenance' (version 1), where it comes from, that this fpframe does not know ("
    )
    with pytest.raises(UsageError, match=re.escape(message) + ".*; install the release that made it"):
        Enrolment.open(copy)


def test_how_images_are_prepared_for_the_victim_is_kept_as_text(tmp_path):
    opened = Enrolment.open(ENROLMENT)
    prepared = fpframe.Preparation.read("rgb; resize=12,bicubic,antialias; mean=0.5")
    attrs.evolve(opened, preparation=prepared).save(tmp_path / "new.enrolment")
    assert (tmp_path / "new.enrolment" / "preparation.txt").read_text() == str(prepared)
    again = Enrolment.open(tmp_path / "new.enrolment")
    assert again.preparation == prepared
    assert again.to_dict()["preparation"] == str(prepared)
    assert opened.preparation is None
    assert opened.to_dict()["preparation"] is None
    assert again.digest != opened.digest


@pytest.mark.parametrize("content", [b"resize=0", b"\xff", b"wash"])
def test_a_preparation_that_cannot_be_read_is_a_damaged_enrolment(copy, content):
    forge(copy, format=3, optional={"preparation": 1}, members={"preparation.txt": content})
    with pytest.raises(IntegrityError, match="preparation"):
        Enrolment.open(copy)


def test_another_version_of_a_known_member_is_refused_with_the_one_that_is_known(traced, tmp_path):
    with_provenance("by hand").save(tmp_path / "traced.enrolment")
    forge(tmp_path / "traced.enrolment", optional={"provenance": 2})
    with pytest.raises(
        UsageError, match=r"a member 'provenance' \(version 2\).* that this fpframe knows in version 1 only"
    ):
        Traced.open(tmp_path / "traced.enrolment")


@pytest.mark.parametrize(("number", "remedy"), [(1, "enroll again"), (NEWEST + 1, "install the release that made it")])
def test_another_format_is_refused_before_any_member_is_looked_at(copy, number, remedy):
    forge(copy, format=number, members={"recipe.toml": None})
    with pytest.raises(UsageError, match=rf"has format {number}, and this fpframe opens formats 2 to 3 .*; {remedy}"):
        Enrolment.open(copy)


@pytest.mark.parametrize("number", [None, "2", 2.0, True, 0, -1])
def test_a_format_that_is_no_number_is_damage(copy, number):
    forge(copy, format=number)
    with pytest.raises(IntegrityError, match="the manifest names no format"):
        Enrolment.open(copy)


@pytest.mark.parametrize(
    "member", [*(member.file for member in MEMBERS.values() if member.version is None), "encoder-top1.safetensors"]
)
def test_a_member_that_every_enrolment_has_may_not_be_missing(copy, member):
    forge(copy, members={member: None})
    with pytest.raises(IntegrityError, match=f"the member '{member}' is missing"):
        Enrolment.open(copy)


@pytest.mark.parametrize("fact", formats.FACTS)
def test_nothing_that_a_manifest_says_may_be_missing(copy, fact):
    forge(copy, **{fact: None})
    with pytest.raises(IntegrityError, match=f"the entry of the manifest '{fact}' is missing"):
        Enrolment.open(copy)


@pytest.mark.parametrize("number", [2, 3])
def test_a_member_or_an_entry_that_no_table_names_is_refused(copy, number):
    forge(copy, format=number, verdict="DERIVED")
    with pytest.raises(IntegrityError, match="the entry of the manifest 'verdict' is not one of an enrolment's"):
        Enrolment.open(copy)
    forge(copy, format=number, verdict=None, members={"extra.json": b"{}"})
    with pytest.raises(IntegrityError, match=r"the member 'extra\.json' is not one of an enrolment's"):
        Enrolment.open(copy)


def test_format_2_has_no_optional_members(copy):
    forge(copy, optional={"origin": 1}, members={"origin.json": b"{}"})
    with pytest.raises(IntegrityError, match="the entry of the manifest 'optional' is not one"):
        Enrolment.open(copy)


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        (b'"source":', b'"source":"another","source":', "'source' occurs twice"),
        (b'"means":[', b'"means":[NaN,', "NaN is not a number"),
        (b'"means":[', b'"means":[1e999,', "1e999 is too large"),
        (b'"models":[', b'"models":[{},', r"key 'models\.0\.name' is missing"),
        (b'"filters":["",', b'"filters":[', "there are answers through 2 filters where 1 are listed"),
    ],
)
def test_scores_that_could_be_read_in_two_ways_or_do_not_fit_are_refused(copy, before, after, message):
    content = (copy / "calibration.json").read_bytes()
    assert before in content
    forge(copy, members={"calibration.json": content.replace(before, after)})
    with pytest.raises(IntegrityError, match=f"the enrolment does not fit together: .*{message}"):
        Enrolment.open(copy)


def test_codes_of_assumptions_are_kept_by_format_3_and_bare_sentences_stay_format_2(tmp_path):
    old = Enrolment.open(ENROLMENT)
    coded = Note("victim-images-not-named", "Which images the victim was trained on was not said.")
    attrs.evolve(old, assumptions=(*old.assumptions, coded)).save(tmp_path / "new.enrolment")
    told = {path: json.loads((path / "manifest.json").read_text()) for path in (ENROLMENT, tmp_path / "new.enrolment")}
    assert [about["format"] for about in told.values()] == [2, 3]
    assert told[tmp_path / "new.enrolment"]["assumptions"] == [
        *told[ENROLMENT]["assumptions"],
        {"code": coded.code, "text": coded.text},
    ]
    assert Enrolment.open(tmp_path / "new.enrolment").assumptions == (*old.assumptions, coded)


def test_the_page_on_the_folder_lists_every_member_entry_and_reserved_name():
    page = (Path(__file__).parents[3] / "docs" / "reference" / "enrolment.md").read_text()
    rows = dict(re.findall(r"^\| `([^`]+)` \| (.*) \|$", page, flags=re.MULTILINE))
    files = {member.file for member in MEMBERS.values()} | {"encoder-CHANNEL.safetensors"}
    entries = {"format", "members", SIZES, SEAL, formats.VERSIONS, *formats.FACTS}
    assert set(rows) == files | entries | set(RESERVED)
    assert {name: rows[name] for name in RESERVED} == dict(RESERVED)
