"""Whatever is taken from another bundle, put in or broken, `check` finds, and never ends in anything but a refusal."""

from __future__ import annotations

import os
import time

import attrs
import pytest

import fpframe
from fpframe.base import now
from fpframe.cli import run
from fpframe.errors import FpframeError
from fpframe.evidence import (
    COURT,
    PUBLIC,
    Case,
    Envelope,
    Parts,
    Trust,
    attest,
    bundle_members,
    check_bundle,
    check_members,
    read_authorities,
    read_private_key,
    read_public_key,
    seal_commitment,
    seal_enrolment,
    with_list,
    write_bundle,
)
from tsa import make_authority, stamp

pytestmark = [pytest.mark.usefixtures("few_models"), pytest.mark.slow]
BUNDLES = (COURT, PUBLIC)
SIGNED = ("attestation.dsse.json", "bundle.dsse.json", "commitment.dsse.json", "enrolment.seal")


@attrs.frozen(kw_only=True)
class Two:
    """Two sound bundles of one case by the same keys, on different suspects and with seals of different times."""

    first: dict[str, Parts]
    trust: Trust
    key: object

    def members(self, which, kind):
        opened = 20 if kind == PUBLIC else 0
        return with_list(bundle_members(self.first[which], kind, opened=opened), kind, self.key)

    def refused(self, members, kind):
        """Return the codes of what is refused; nothing but a finding may come of it."""
        return [finding.code for finding in check_members(members, kind, self.trust) if finding.state == "refused"]


@pytest.fixture(scope="module")
def two(sworn, digits, tmp_path_factory) -> Two:
    folder = tmp_path_factory.mktemp("two")
    authority = make_authority(folder / "tsa")
    roots, case = read_authorities(authority), Case.open(sworn.case)
    me, auditor = (read_private_key(sworn.folder / f"{name}.pem") for name in ("me", "auditor"))
    enrolment = fpframe.Enrolment.open(sworn.enrolment)
    innocent = fpframe.build_backbone(sworn.run.registry, "paper:arc-c", 10, digits.image_shape, seed=5)
    made = {}
    for name, suspect in (("first", sworn.network(digits)), ("other", innocent)):
        seal = folder / f"{name}.seal"
        seal.write_bytes(
            seal_enrolment(sworn.enrolment, me, case=case, token=stamp(authority, enrolment.digest), authorities=roots)
        )
        time.sleep(1.1)  # tokens have whole seconds
        started = now()
        verdict = fpframe.verify(enrolment, suspect)
        attest([verdict], enrolment, key=auditor, alpha=0.25, times=(started, now()), out=folder / f"asked-{name}")
        made[name] = Parts(case=case, enrolment=sworn.enrolment, seal=seal, attested=folder / f"asked-{name}")
    trust = Trust(
        authorities=tuple(roots),
        claimant=read_public_key(sworn.folder / "me.pem"),
        auditor=read_public_key(sworn.folder / "auditor.pem"),
    )
    return Two(first=made, trust=trust, key=me)


@pytest.mark.parametrize("kind", BUNDLES)
@pytest.mark.parametrize("which", ["first", "other"])
def test_both_bundles_are_sound(two, which, kind):
    assert two.refused(two.members(which, kind), kind) == []


@pytest.mark.parametrize("kind", BUNDLES)
def test_a_member_of_another_bundle_is_found(two, kind):
    sound, other = two.members("first", kind), two.members("other", kind)
    tried = [name for name in sound if sound[name] != other[name]]
    assert {"attestation.dsse.json", "bundle.dsse.json", "enrolment.seal"} <= set(tried)
    for name in tried:
        assert two.refused({**sound, name: other[name]}, kind), name


@pytest.mark.parametrize("kind", BUNDLES)
@pytest.mark.parametrize("name", [name for name in SIGNED if name != "commitment.dsse.json"])  # that is the same one
def test_a_signature_of_the_same_statement_in_another_bundle_is_found(two, name, kind):
    sound, other = two.members("first", kind), two.members("other", kind)
    signatures = Envelope.parse(other[name]).signatures
    forged = attrs.evolve(Envelope.parse(sound[name]), signatures=signatures).to_bytes()
    members = {**sound, name: forged}
    if name != "bundle.dsse.json":  # the claimant lists it anew
        del members["bundle.dsse.json"]
        members = with_list(members, kind, two.key)
    assert "signature-wrong" in two.refused(members, kind)


@pytest.mark.parametrize("kind", BUNDLES)
@pytest.mark.parametrize("name", SIGNED)
def test_a_second_signature_is_found(two, name, kind):
    sound = two.members("first", kind)
    envelope = Envelope.parse(sound[name])
    twice = attrs.evolve(envelope, signatures=envelope.signatures * 2).to_bytes()
    members = {**sound, name: twice}
    if name != "bundle.dsse.json":
        del members["bundle.dsse.json"]
        members = with_list(members, kind, two.key)
    assert "envelope-damaged" in two.refused(members, kind)


@pytest.mark.parametrize("kind", BUNDLES)
def test_the_token_of_the_enrolment_in_the_seal_of_the_commitment_is_found(two, kind, tmp_path):
    parts = two.first["first"]
    seal = tmp_path / "case.seal"
    authority = make_authority(tmp_path / "late")
    seal.write_bytes(seal_commitment(parts.case, two.key, token=stamp(authority, parts.case.root)))
    late = with_list(bundle_members(attrs.evolve(parts, commitment_seal=seal), kind), kind, two.key)
    assert set(two.refused(late, kind)) & {"authority-unknown", "beacon-too-early"}
    members = bundle_members(parts, kind)
    members["commitment.seal"] = members["enrolment.seal"]
    assert "subject-differs" in two.refused(with_list(members, kind, two.key), kind)
    members = bundle_members(parts, kind)
    members["enrolment.seal"] = seal.read_bytes()
    assert "subject-differs" in two.refused(with_list(members, kind, two.key), kind)


@pytest.mark.parametrize("kind", BUNDLES)
@pytest.mark.parametrize("content", [b"", b"\x00", b"{}", b"[]\n", b"null\n", b"\xff\xfe", b"[" * 3000])
def test_a_member_of_other_content_is_found_although_it_is_listed(two, kind, content):
    sound = two.members("first", kind)
    for name in sorted(sound):
        members = {**sound, name: content}
        if name != "bundle.dsse.json":
            del members["bundle.dsse.json"]
            members = with_list(members, kind, two.key)
        assert two.refused(members, kind), name


@pytest.mark.parametrize("kind", BUNDLES)
def test_a_member_that_is_cut_off_or_longer_is_found_although_it_is_listed(two, kind):
    sound = two.members("first", kind)
    for name in sorted(set(sound) - {"bundle.dsse.json"}):
        for content in (sound[name][: len(sound[name]) // 2], sound[name] + b"\n", sound[name] * 2):
            members = {**sound, name: content}
            del members["bundle.dsse.json"]
            assert two.refused(with_list(members, kind, two.key), kind), name


def replaced(make):
    """Return what puts something else in the place of the log."""

    def spoil(folder):
        (folder / "log.jsonl").unlink()
        make(folder / "log.jsonl")

    return spoil


#: What may be wrong with the folder itself, each with what breaks it.
BROKEN = {
    "a member is a folder": replaced(lambda path: path.mkdir()),
    "a member is a link": replaced(lambda path: path.symlink_to("/dev/zero")),
    "a member is a pipe": replaced(os.mkfifo),
    "the manifest is missing": lambda folder: (folder / "manifest.json").unlink(),
    "the manifest is empty": lambda folder: (folder / "manifest.json").write_bytes(b""),
    "the manifest is of another kind": lambda folder: (folder / "manifest.json").write_bytes(b'{"members": {}}'),
    "there is a folder beside the members": lambda folder: (folder / "more").mkdir(),
}


@pytest.mark.parametrize("kind", BUNDLES)
@pytest.mark.parametrize("what", BROKEN)
def test_a_folder_that_is_broken_is_one_line_and_an_exit_code(two, kind, what, tmp_path, capsys):
    folder = tmp_path / "case.bundle"
    write_bundle(two.members("first", kind), kind, folder)
    BROKEN[what](folder)
    with pytest.raises(FpframeError, match=r"\S"):
        check_bundle(folder, two.trust)
    assert run(["check", str(folder)]) in (2, 5)
    error = capsys.readouterr().err
    assert error.startswith("fpframe: error: ")
    assert error.count("\n") == 1
