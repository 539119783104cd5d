"""Bundles: a sound one holds, and whatever is done to one is found, whether its digests are computed anew or not."""

from __future__ import annotations

import base64
import copy
import hashlib
import json
import random
import re
import shutil
import time
from types import SimpleNamespace

import attrs
import pytest

import fpframe
from fpframe.base import now
from fpframe.cli import run
from fpframe.enrolment import Calibration
from fpframe.errors import FpframeError, IntegrityError
from fpframe.evidence import (
    COURT,
    PUBLIC,
    Attestation,
    Case,
    Log,
    Parts,
    Seal,
    Trust,
    attest,
    bundle_members,
    check_bundle,
    check_members,
    events_of,
    read_authorities,
    read_private_key,
    read_public_key,
    read_statement,
    seal_commitment,
    seal_enrolment,
    seal_subject,
    sign,
    with_list,
    write_bundle,
)
from fpframe.evidence.shown_enrolment import ShownEnrolment
from fpframe.evidence.statement import Subject
from fpframe.report import CaseFile, case_html
from fpframe.report.case.page import what_would_change
from tsa import make_authority, stamp

pytestmark = pytest.mark.usefixtures("few_models")
#: Bytes of a member that are flipped one by one; of a larger one as many are drawn.
FLIPPED = 150


@attrs.frozen(kw_only=True)
class Played:
    """A case that was played to the end."""

    sworn: object
    parts: Parts
    authority: object

    @property
    def trust(self):
        return Trust(
            authorities=tuple(read_authorities(self.authority)),
            claimant=read_public_key(self.sworn.folder / "me.pem"),
            auditor=read_public_key(self.sworn.folder / "auditor.pem"),
        )

    def key(self, name):
        return read_private_key(self.sworn.folder / f"{name}.pem")

    def members(self, kind=COURT, **changes):
        """Return the members of a bundle, of which some are others, with a list that the claimant signed."""
        made = {**bundle_members(self.parts, kind), **changes}
        return with_list({name: content for name, content in made.items() if content is not None}, kind, self.key("me"))

    def codes(self, members, kind=COURT, trust=None):
        """Return the codes of what is refused."""
        found = check_members(members, kind, trust or self.trust)
        return [finding.code for finding in found if finding.state == "refused"]


@pytest.fixture(scope="module")
def played(sworn, digits, tmp_path_factory) -> Played:
    folder = tmp_path_factory.mktemp("played")
    authority = make_authority(folder / "tsa")
    roots, case = read_authorities(authority), Case.open(sworn.case)
    key, auditor = (read_private_key(sworn.folder / f"{name}.pem") for name in ("me", "auditor"))
    enrolment = fpframe.Enrolment.open(sworn.enrolment)
    token = stamp(authority, enrolment.digest)
    seal = folder / "my.enrolment.seal"
    seal.write_bytes(seal_enrolment(sworn.enrolment, key, case=case, token=token, authorities=roots))
    while now() <= enrolment_time(seal):
        time.sleep(0.1)
    started = now()
    verdict = fpframe.verify(enrolment, sworn.network(digits))
    attest([verdict], enrolment, key=auditor, alpha=0.25, times=(started, now()), out=folder / "asked")
    parts = Parts(case=case, enrolment=sworn.enrolment, seal=seal, attested=folder / "asked")
    return Played(sworn=sworn, parts=parts, authority=authority)


def enrolment_time(seal):
    return Seal.read(seal.read_bytes()).stamped().at


@pytest.fixture(scope="module", params=[COURT, PUBLIC])
def written(request, played, tmp_path_factory):
    """A bundle of each kind."""
    path = tmp_path_factory.mktemp("bundle") / "case.bundle"
    write_bundle(played.members(request.param), request.param, path)
    return path


def test_a_sound_bundle_holds(written, played):
    found = check_bundle(written, played.trust)
    assert [finding for finding in found if finding.state == "refused"] == []
    states = {finding.part: finding.state for finding in found}
    court = "enrolment" in states
    assert states["verdicts"] == ("good" if court else "not checked")
    assert states["enrolment dated"] == "good"
    assert states["commitment dated"] == "not checked", "no authority dated it"


def test_without_names_and_authorities_it_is_said_who_vouched_for_nothing(played):
    texts = {finding.part: finding.text for finding in check_members(played.members(), COURT, Trust())}
    assert "nobody vouched for" in texts["commitment"]
    assert "nobody vouched for" in texts["attestation"]
    assert "an authority that you did not name" in texts["enrolment dated"]


def test_a_public_bundle_shows_neither_images_nor_answers_nor_weights(played):
    members = bundle_members(played.parts, PUBLIC)
    assert set(members) == {
        "commitment.dsse.json",
        "leaves.json",
        "log.jsonl",
        "enrolment.seal",
        "attestation.dsse.json",
    }
    assert [each["leaf"]["name"] for each in json.loads(members["leaves.json"])["opened"]] == ["terms"]
    assert fpframe.Enrolment.open(played.parts.enrolment).victim["digest"].encode() not in b"".join(members.values())


def flips(content, seed):
    places = range(len(content))
    chosen = places if len(content) <= FLIPPED else random.Random(seed).sample(places, FLIPPED)
    for place in chosen:
        damaged = bytearray(content)
        damaged[place] ^= 1 << (place % 8)
        yield bytes(damaged)


def test_every_flipped_byte_is_found(written, played, tmp_path):
    copy = shutil.copytree(written, tmp_path / "copy.bundle")
    tried = 0
    for number, path in enumerate(sorted(copy.iterdir())):
        content = path.read_bytes()
        for damaged in flips(content, number):
            path.write_bytes(damaged)
            with pytest.raises(FpframeError, match=r"\S"):
                check_bundle(copy, played.trust)
            tried += 1
        path.write_bytes(content)
    assert tried > 500
    assert not any(finding.state == "refused" for finding in check_bundle(copy, played.trust))


@pytest.mark.slow
@pytest.mark.parametrize("kind", [COURT, PUBLIC])
def test_every_flipped_byte_is_found_although_all_digests_of_the_folder_were_computed_anew(played, kind):
    sound = played.members(kind)
    for number, (name, content) in enumerate(sorted(sound.items())):
        for damaged in list(flips(content, number))[:40]:
            assert played.codes({**sound, name: damaged}, kind), f"a byte of {name} was flipped"


@pytest.mark.parametrize("kind", [COURT, PUBLIC])
def test_members_that_are_removed_swapped_or_added_are_found(played, kind):
    sound = played.members(kind)
    names = sorted(sound)
    for name in names:
        assert played.codes({other: sound[other] for other in names if other != name}, kind), f"{name} was removed"
    for one, other in zip(names, [*names[1:], names[0]], strict=True):
        assert played.codes({**sound, one: sound[other], other: sound[one]}, kind), f"{one} and {other} were swapped"
    for name in ("answers-2.npz", "enrolment-member.more.json", "notes.txt", "commitment.seal"):
        assert played.codes({**sound, name: b"{}"}, kind), f"{name} was added"


def test_files_that_are_removed_swapped_or_added_in_the_folder_are_found(written, played, tmp_path):
    for path in sorted(written.iterdir()):
        copy = shutil.copytree(written, tmp_path / f"without-{path.name}")
        (copy / path.name).unlink()
        with pytest.raises(FpframeError, match=r"\S"):
            check_bundle(copy, played.trust)
    copy = shutil.copytree(written, tmp_path / "more.bundle")
    (copy / "notes.txt").write_text("one more")
    with pytest.raises(IntegrityError, match=r"'notes\.txt' is not one of the bundle's members"):
        check_bundle(copy, played.trust)


SIGNED = ["commitment.dsse.json", "enrolment.seal", "attestation.dsse.json", "bundle.dsse.json"]


def stripped(content):
    start, end = content.index(b'[{"keyid"'), content.rindex(b"}]") + 2
    return content[:start] + b"[]" + content[end:]


@pytest.mark.parametrize("name", SIGNED)
def test_a_stripped_signature_is_refused_by_name(played, name):
    members = played.members()
    changed = {**members, name: stripped(members[name])}
    if name != "bundle.dsse.json":  # the claimant can list it anew
        changed = played.members(**{name: stripped(members[name])})
    assert "signature-missing" in played.codes(changed)


@pytest.mark.parametrize("name", SIGNED)
def test_signatures_exchanged_with_those_of_another_statement_are_refused(played, name):
    members = played.members()
    other = members[SIGNED[SIGNED.index(name) - 1]]
    own = members[name].index(b'"signatures"')
    changed = members[name][:own] + other[other.index(b'"signatures"') :]
    made = {**members, name: changed} if name == "bundle.dsse.json" else played.members(**{name: changed})
    assert {"signature-wrong", "key-unknown"} & set(played.codes(made))


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("commitment.dsse.json", "urn:fpframe:commitment:1"),
        ("enrolment.seal", "urn:fpframe:seal:1"),
        ("attestation.dsse.json", "urn:fpframe:attestation:1"),
    ],
)
def test_a_statement_that_a_stranger_signs_anew_is_refused(played, name, kind):
    statement = read_statement(played.members()[name], kind=kind)
    predicate = {key: value for key, value in statement.predicate.items() if key != "signer"}
    forged = sign(attrs.evolve(statement, predicate=predicate), played.key("stranger")).to_bytes()
    assert "key-unknown" in played.codes(played.members(**{name: forged}))


def test_a_bundle_that_a_stranger_lists_anew_is_refused(played):
    members = bundle_members(played.parts, COURT)
    del members["attestation.dsse.json"], members["answers-1.npz"]
    assert "key-unknown" in played.codes(with_list(members, COURT, played.key("stranger")))


def resealed(played, **changes):
    """Return the seal with another token or time, signed by the claimant."""
    statement = read_statement(played.parts.seal.read_bytes(), kind="urn:fpframe:seal:1")
    return sign(attrs.evolve(statement, predicate={**statement.predicate, **changes}), played.key("me")).to_bytes()


def test_a_token_later_than_the_first_query_is_refused(played):
    enrolment = fpframe.Enrolment.open(played.parts.enrolment)
    late = seal_enrolment(
        played.parts.enrolment,
        played.key("me"),
        case=played.parts.case,
        token=stamp(played.authority, enrolment.digest),
    )
    assert played.codes(played.members(**{"enrolment.seal": late})) == ["token-after-first-query"]


def test_a_seal_without_a_token_after_the_first_query_is_refused(played):
    late = resealed(played, token="", at="2099-01-01T00:00:00Z")
    assert played.codes(played.members(**{"enrolment.seal": late})) == ["seal-after-first-query"]


def test_a_seal_from_before_the_beacon_is_refused(played):
    early = resealed(played, token="", at="2020-01-01T00:00:00Z")
    assert played.codes(played.members(**{"enrolment.seal": early})) == ["seal-before-beacon"]


def test_an_unknown_authority_is_refused(played, tmp_path):
    other = tuple(read_authorities(make_authority(tmp_path / "other")))
    trust = attrs.evolve(played.trust, authorities=other)
    assert played.codes(played.members(), trust=trust) == ["authority-unknown"]


def test_a_swapped_token_is_refused(played):

    token = base64.b64encode(stamp(played.authority, "ab" * 32)).decode()
    assert "token-of-another-subject" in played.codes(
        played.members(**{"enrolment.seal": resealed(played, token=token)})
    )


def test_a_commitment_that_an_authority_saw_only_after_its_beacon_is_refused(played):
    case = played.parts.case
    seal = seal_commitment(case, played.key("me"), token=stamp(played.authority, case.root))
    assert played.codes(played.members(**{"commitment.seal": seal})) == ["beacon-too-early"]


def test_an_attestation_on_another_enrolment_is_refused(played, tmp_path):
    attestation = read_statement(
        (played.parts.attested / "attestation.dsse.json").read_bytes(), kind="urn:fpframe:attestation:1"
    )
    verdicts = [{**each, "enrolment": "ab" * 32} for each in attestation.predicate["verdicts"]]
    forged = attrs.evolve(
        attestation,
        subjects=(Subject("enrolment", "ab" * 32), *attestation.subjects[1:]),
        predicate={**attestation.predicate, "verdicts": verdicts},
    )
    content = sign(forged, played.key("auditor")).to_bytes()
    assert played.codes(played.members(**{"attestation.dsse.json": content})) == ["subject-differs"]


@pytest.mark.parametrize(
    "changes",
    [
        {"p_value": 0.4},
        {"score": 0.1},
        {"suspect": {"address": "theirs.onnx", "digest": "ab" * 32}},
        {"channel": "top1"},
    ],
    ids=lambda changes: min(changes),
)
def test_a_verdict_that_does_not_follow_from_the_answers_is_refused_although_it_is_signed(played, changes):
    statement = read_statement(
        (played.parts.attested / "attestation.dsse.json").read_bytes(), kind="urn:fpframe:attestation:1"
    )
    [verdict] = statement.predicate["verdicts"]
    forged = attrs.evolve(statement, predicate={**statement.predicate, "verdicts": [{**verdict, **changes}]})
    content = sign(forged, played.key("auditor")).to_bytes()
    found = played.codes(played.members(**{"attestation.dsse.json": content}))
    assert {"verdict-differs", "statement-damaged"} & set(found)


def test_an_older_bundle_cannot_be_replayed_against_another_suspect(played, digits):
    enrolment = fpframe.Enrolment.open(played.parts.enrolment)
    innocent = fpframe.build_backbone(played.sworn.run.registry, "paper:arc-c", 10, digits.image_shape, seed=5)
    other = fpframe.verify(enrolment, innocent)
    told = Attestation.read((played.parts.attested / "attestation.dsse.json").read_bytes())
    answers = played.parts.attested / "answers-1.npz"
    content = answers.read_bytes()
    assert other.suspect["digest"] != told.verdicts[0].suspect["digest"]
    path = played.parts.attested.parent / "other.npz"
    other.transcript.save(path, force=True)
    assert played.codes(played.members(**{"answers-1.npz": path.read_bytes()})) == ["answers-differ"]
    assert answers.read_bytes() == content


def test_an_enrolment_of_another_attempt_is_refused(played, tmp_path):
    plain = attrs.evolve(fpframe.Enrolment.open(played.parts.enrolment), commitment=None)
    plain.save(tmp_path / "plain.enrolment")
    parts = attrs.evolve(played.parts, enrolment=tmp_path / "plain.enrolment")
    members = with_list(bundle_members(parts, COURT), COURT, played.key("me"))
    assert played.codes(members) == ["subject-differs"]


@pytest.mark.parametrize("what", ["calibration", "encoder"])
def test_calibration_models_left_out_or_an_encoder_refitted_after_sealing_are_found(played, tmp_path, what):
    sound = fpframe.Enrolment.open(played.parts.enrolment)
    if what == "calibration":
        calibration, ability = sound.calibration, sound.ability
        forged = attrs.evolve(
            sound,
            calibration=Calibration.of(
                calibration.models[1:],
                {name: rows[1:] for name, rows in calibration.answers.items()},
                sound.encoders,
                sound.standards,
                sound.victim_answers,
                source=calibration.source,
            ),
            ability=attrs.evolve(ability, models=ability.models[1:]),
        )
    else:
        encoders = {name: copy.deepcopy(encoder) for name, encoder in sound.encoders.items()}
        for encoder in encoders.values():
            for weight in encoder.parameters():
                weight.add_(0.01)
        forged = attrs.evolve(sound, encoders=encoders)
    forged.save(tmp_path / "forged.enrolment")
    parts = attrs.evolve(played.parts, enrolment=tmp_path / "forged.enrolment")
    assert played.codes(with_list(bundle_members(parts, COURT), COURT, played.key("me"))) == ["subject-differs"]


def test_an_enrolment_whose_seed_does_not_follow_from_the_beacon_is_refused_by_name(played, tmp_path):
    sound = fpframe.Enrolment.open(played.parts.enrolment)
    queries = attrs.evolve(sound.recipe.queries, seed=1)
    forged = attrs.evolve(sound, recipe=attrs.evolve(sound.recipe, queries=queries))
    assert claimed(played, forged, tmp_path) == ["committed-otherwise"]


def test_scores_that_do_not_follow_from_the_answers_are_refused_by_name_before_anybody_is_asked(played, tmp_path):
    sound = fpframe.Enrolment.open(played.parts.enrolment)
    lower = {name: {"": rows[""] - 0.5} for name, rows in sound.calibration.views.items()}
    forged = attrs.evolve(sound, calibration=attrs.evolve(sound.calibration, views=lower))
    assert claimed(played, forged, tmp_path) == ["member-damaged"]


def claimed(played, forged, folder):
    """Return what is refused of a forged enrolment that its owner has logged and sealed, before anybody was asked."""
    forged.save(folder / "forged.enrolment")
    sound = played.parts.case
    beacon = forged.commitment.beacon.value
    log = Log(root=sound.root).with_entry("started", 1, beacon)
    log = log.with_entry("finished", 1, beacon, enrolment=forged.digest)
    manifest = hashlib.sha256((folder / "forged.enrolment/manifest.json").read_bytes()).hexdigest()
    seal = seal_subject(Subject("enrolment", forged.digest), played.key("me"), manifest=manifest, log=log.head)
    (folder / "forged.seal").write_bytes(seal)
    parts = Parts(case=attrs.evolve(sound, log=log), enrolment=folder / "forged.enrolment", seal=folder / "forged.seal")
    return played.codes(with_list(bundle_members(parts, COURT), COURT, played.key("me")))


@pytest.mark.parametrize("kind", [COURT, PUBLIC])
def test_a_level_above_the_committed_one_is_refused_also_where_nothing_is_computed_again(played, kind):
    statement = read_statement(
        (played.parts.attested / "attestation.dsse.json").read_bytes(), kind="urn:fpframe:attestation:1"
    )
    said = attrs.evolve(statement, predicate={**statement.predicate, "alpha": 0.9})
    members = played.members(kind, **{"attestation.dsse.json": sign(said, played.key("auditor")).to_bytes()})
    assert "verdict-differs" in played.codes(members, kind)


@pytest.mark.parametrize(("name", "value"), [("test", "sequential"), ("channel", "top1")])
def test_a_test_or_channel_that_was_not_committed_to_is_marked(played, digits, tmp_path, name, value):
    enrolment = fpframe.Enrolment.open(played.parts.enrolment)
    verdict = fpframe.verify(enrolment, played.sworn.network(digits), **{name: value})
    auditor, started = played.key("auditor"), now()
    attest([verdict], enrolment, key=auditor, alpha=0.25, times=(started, started), out=tmp_path / "asked")
    parts = attrs.evolve(played.parts, attested=tmp_path / "asked")
    for kind in (COURT, PUBLIC):
        members = with_list(bundle_members(parts, kind), kind, played.key("me"))
        found = {finding.part: finding for finding in check_members(members, kind, played.trust)}
        assert found["choices"].code == "chosen-afterwards"
        assert found["choices"].text.startswith(name)
        assert played.codes(members, kind) == []


@pytest.mark.parametrize(
    ("released", "state", "code"),
    [("", "not checked", ""), ("2020-01-01", "marked", "suspect-older"), ("2099-01-01", "good", "")],
)
def test_a_claim_against_suspects_that_were_there_before_the_commitment_is_marked(played, released, state, code):
    statement = read_statement(
        (played.parts.attested / "attestation.dsse.json").read_bytes(), kind="urn:fpframe:attestation:1"
    )
    said = attrs.evolve(statement, predicate={**statement.predicate, "released": released})
    members = played.members(**{"attestation.dsse.json": sign(said, played.key("auditor")).to_bytes()})
    found = {finding.part: finding for finding in check_members(members, COURT, played.trust)}
    assert (found["release"].state, found["release"].code) == (state, code)


def test_a_verdict_by_an_encoder_that_does_not_ship_is_listed_as_not_checked(played, monkeypatch):
    monkeypatch.setattr("fpframe.evidence.shown_enrolment.ships", lambda name, kind="encoder": kind != "encoder")
    found = check_members(played.members(), COURT, played.trust)
    assert [f.text for f in found if f.part == "verdicts"] == ["the encoder 'contrastive' does not ship with fpframe"]
    assert [f.state for f in found if f.part == "verdicts"] == ["not checked"]


def test_components_that_do_not_ship_are_marked_and_those_that_do_are_not(played):
    files = {path.name: path.read_bytes() for path in played.parts.enrolment.iterdir()}
    origin = json.loads(files["origin.json"])
    assert ShownEnrolment.of(files).foreign_components == []
    scheme, augmenter, *others = origin["components"]
    assert (scheme["kind"], augmenter["kind"]) == ("scheme", "augmenter")
    own = {**augmenter, "name": "chosen", "distribution": "", "version": ""}
    under_a_known_name = {**augmenter, "distribution": "mine", "version": "1.0"}
    that_lies = {**augmenter, "name": "chosen"}
    origin["components"] = [{**scheme, "distribution": "mine"}, own, under_a_known_name, that_lies, *others]
    shown = ShownEnrolment(files={"origin.json": json.dumps(origin).encode()}, manifest=None, digest="")
    assert shown.foreign_components == [
        "augmenter 'chosen' of nobody",
        f"augmenter '{augmenter['name']}' of mine 1.0",
        f"augmenter 'chosen' of fpframe {augmenter['version']}",
    ]


def test_a_bundle_of_an_enrolment_with_a_component_that_does_not_ship_holds_and_says_so(played, monkeypatch):
    monkeypatch.setattr("fpframe.evidence.shown_enrolment.ships", lambda name, kind="encoder": kind != "augmenter")
    found = {finding.part: finding for finding in check_members(played.members(), COURT, played.trust)}
    assert (found["components"].state, found["components"].code) == ("marked", "component-foreign")
    assert "augmenter 'kmeans-neighbours' of fpframe" in found["components"].text
    assert not any(finding.state == "refused" for finding in found.values())
    assert found["verdicts"].state == "good"


def test_before_anybody_was_asked_there_is_a_bundle_too(played):
    parts = attrs.evolve(played.parts, attested=None)
    found = check_members(with_list(bundle_members(parts, COURT), COURT, played.key("me")), COURT, played.trust)
    assert {finding.part: finding.state for finding in found}["attestation"] == "not checked"
    assert not any(finding.state == "refused" for finding in found)


def test_the_commands_write_and_check_a_bundle(played, tmp_path, capsys):
    parts, folder = played.parts, played.sworn.folder
    words = ["--commitment", str(folder / "case"), "--enrolment", str(parts.enrolment), "--seal", str(parts.seal)]
    words += ["--attest", str(parts.attested), "--key", str(folder / "me.pem"), "--out", str(tmp_path / "case.bundle")]
    assert run(["bundle", *words]) == 0
    trusted = ["--authority", str(played.authority), "--claimant", str(folder / "me.pem")]
    assert run(["check", str(tmp_path / "case.bundle"), *trusted]) == 0
    said = capsys.readouterr().out
    assert "follows from the answers" in said
    assert run(["check", str(tmp_path / "case.bundle"), "--claimant", str(folder / "stranger.pem"), "--json"]) == 5
    told = json.loads(capsys.readouterr().out)
    assert not told["holds"]
    assert {each["code"] for each in told["findings"]} & {"key-unknown"}
    (tmp_path / "case.bundle" / "log.jsonl").write_text("{}\n")
    assert run(["check", str(tmp_path / "case.bundle")]) == 5
    assert "a member of the bundle was changed" in capsys.readouterr().err


def test_what_does_not_hold_is_not_bundled(played, tmp_path, capsys):
    folder = played.sworn.folder
    (tmp_path / "seal").write_bytes(resealed(played, token="", at="2099-01-01T00:00:00Z"))
    words = ["--commitment", str(folder / "case"), "--enrolment", str(played.parts.enrolment)]
    words += ["--seal", str(tmp_path / "seal"), "--attest", str(played.parts.attested)]
    assert run(["bundle", *words, "--key", str(folder / "me.pem"), "--out", str(tmp_path / "x.bundle")]) == 5
    assert "[seal-after-first-query]" in capsys.readouterr().err
    assert not (tmp_path / "x.bundle").exists()


def test_the_case_file_tells_what_happened_who_says_so_and_what_was_not_checked(written, played, tmp_path, capfd):
    page = tmp_path / "case.html"
    words = ["check", str(written), "--authority", str(played.authority), "--report", str(page)]
    assert run(words) == 0
    told = page.read_text()
    for text in (
        "What can be looked at holds",
        "The claimant committed.",
        "The public randomness could be known.",
        "The claimant sealed the enrolment.",
        "by an authority that the reader trusts",
        "The last answer was in.",
        "Accuracy of the suspect",
        "was not checked",
    ):
        assert text in told
    times = re.findall(r'class="time">([^<]*)<', told)
    assert times == sorted(times)
    assert len(times) == 6
    assert run(words) == 2
    assert "--force" in capfd.readouterr().err


def test_the_case_file_of_a_claim_that_does_not_hold_says_so_above_its_verdict(played):
    sound = played.members()
    damaged = {**sound, "answers-1.npz": sound["enrolment.seal"]}
    findings = check_members(damaged, COURT, played.trust)
    verdicts = Attestation.read(sound["attestation.dsse.json"]).verdicts
    told = case_html(CaseFile(name="<b>", kind=COURT, findings=findings, events=events_of(damaged), verdicts=verdicts))
    assert "Something in this case does not hold" in told
    assert told.index("Do not rely on the verdicts below") < told.index('class="stamp"')
    assert "answers-differ" in told
    assert "<b><" not in told


@pytest.mark.parametrize("name", ["commitment.dsse.json", "enrolment.seal", "attestation.dsse.json"])
def test_what_is_damaged_says_nothing_of_when_things_happened(name, played):
    sound = played.members()
    whole, without = events_of(sound), events_of({**sound, name: b"{}"})
    assert len(without) < len(whole)
    assert set(without) < set(whole)


def verdict_of(word, at_least, n=19, alpha=0.05):
    p = (1 + at_least) / (n + 1)
    result = SimpleNamespace(p=p, n=n, at_least=at_least)
    return SimpleNamespace(test="conformal", certify=False, verdict=word, strata={"wild": result}, alpha=alpha)


@pytest.mark.parametrize(
    ("verdict", "text"),
    [
        (verdict_of("DERIVED", 0), "Had 1 more of the 19 models of 'wild' scored at least as high"),
        (verdict_of("DERIVED", 0, n=39), "Had 2 more of the 39 models"),
        (verdict_of("NOT_SHOWN", 3), "3 of the 19 models of 'wild' score at least as high, and at most 0 may"),
        (verdict_of("INCONCLUSIVE", 3), ""),
    ],
)
def test_what_would_change_a_verdict_is_counted(verdict, text):
    told = what_would_change(verdict)
    assert told.startswith(text)
    assert bool(told) is bool(text)
