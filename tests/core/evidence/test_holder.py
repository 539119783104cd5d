"""What the holder brings: a p of its own, and independent models of which some are copies of the victim."""

from __future__ import annotations

import hashlib

import attrs
import pytest
import torch

import fpframe
from fpframe.base import now
from fpframe.evidence import (
    COURT,
    PUBLIC,
    Case,
    Parts,
    PrivateKey,
    Subject,
    Trust,
    attest,
    bundle_members,
    check_members,
    read_private_key,
    seal_enrolment,
    seal_subject,
    with_list,
)

pytestmark = pytest.mark.usefixtures("few_models")


def test_a_copy_of_the_victim_with_a_little_noise_is_flagged_in_every_verdict(sworn, digits, tmp_path):
    folder = tmp_path / "theirs"
    folder.mkdir()
    for seed in range(4):
        model = fpframe.build_backbone(sworn.run.registry, "paper:arc-e", 10, digits.image_shape, seed=seed)
        seen = digits.train[400 + 20 * seed : 1300 + 20 * seed]
        fpframe.train(model, seen.pixels, seen.labels, fpframe.Training(epochs=15, batch_size=32), seed=seed)
        fpframe.save_weights(model, folder / f"{seed}.safetensors")
    theirs = fpframe.Independents(folder, backbone="paper:arc-e")
    honest = fpframe.calibrate(sworn.enrolment, independents=theirs)
    assert "calibration-near-victim" not in {note.code for note in honest.caveats}
    copied = sworn.network(digits)
    torch.manual_seed(0)
    with torch.no_grad():
        for weight in copied.module.parameters():
            weight.add_(1e-4 * torch.randn_like(weight))
    fpframe.save_weights(copied, folder / "copy.safetensors")
    forced = fpframe.calibrate(sworn.enrolment, independents=theirs)
    [note] = [note for note in forced.caveats if note.code == "calibration-near-victim"]
    assert note.text.startswith("1 of the models that calibrate")
    assert "copy" in note.text
    again = fpframe.calibrate(forced, run=sworn.run)
    assert "calibration-near-victim" not in {note.code for note in again.caveats}


PART = "holder's p"


@attrs.frozen(kw_only=True)
class Held:
    """A case in which the holder has calibrated on models of its own."""

    parts: Parts
    claimant: PrivateKey
    holder: PrivateKey

    def members(self, kind=COURT, parts=None):
        return with_list(bundle_members(parts or self.parts, kind), kind, self.claimant)

    def finding(self, members, kind=COURT, holder=None):
        trust = Trust(holder=None if holder is None else holder.public)
        [found] = [each for each in check_members(members, kind, trust) if each.part == PART]
        return found


@pytest.fixture(scope="module")
def held(sworn, digits, tmp_path_factory) -> Held:
    folder = tmp_path_factory.mktemp("held")
    (folder / "theirs").mkdir()
    for seed in range(4):
        model = fpframe.build_backbone(sworn.run.registry, "paper:arc-e", 10, digits.image_shape, seed=seed)
        seen = digits.train[400 + 20 * seed : 1300 + 20 * seed]
        fpframe.train(model, seen.pixels, seen.labels, fpframe.Training(epochs=8, batch_size=64), seed=seed)
        fpframe.save_weights(model, folder / "theirs" / f"{seed}.safetensors")
    theirs = fpframe.Independents(folder / "theirs", backbone="paper:arc-e")
    fpframe.calibrate(sworn.enrolment, independents=theirs).save(folder / "theirs.enrolment")
    claimant, holder = read_private_key(sworn.folder / "me.pem"), PrivateKey.generate()
    enrolment, case = fpframe.Enrolment.open(sworn.enrolment), Case.open(sworn.case)
    (folder / "my.seal").write_bytes(seal_enrolment(sworn.enrolment, claimant, case=case))
    (folder / "theirs.seal").write_bytes(seal_enrolment(folder / "theirs.enrolment", holder))
    started = now()
    verdict = fpframe.verify(enrolment, sworn.network(digits))
    times = (started, now())
    attest([verdict], enrolment, key=PrivateKey.generate(), alpha=0.25, times=times, out=folder / "asked")
    parts = Parts(
        case=case,
        enrolment=sworn.enrolment,
        seal=folder / "my.seal",
        attested=folder / "asked",
        holder=folder / "theirs.enrolment",
        holder_seal=folder / "theirs.seal",
    )
    return Held(parts=parts, claimant=claimant, holder=holder)


def test_the_holders_own_p_stands_beside_the_claimants_with_the_provenance_of_its_models(held):
    found = held.finding(held.members(), holder=held.holder)
    assert (found.state, found.code) == ("good", "")
    [again] = fpframe.verify_many(held.parts.holder, answers=[held.parts.attested / "answers-1.npz"])
    assert f"verdict 1 would be {again.verdict} (p {again.p_value:g})" in found.text
    assert "4 calibration models (own-independents: 4; " in found.text
    assert "sealed by the holder's key before the first query" in found.text
    states = {each.part: each.state for each in check_members(held.members(), COURT, Trust())}
    assert states["verdicts"] == "good", "the claimant's verdict stays as it is"
    assert "a key that nobody vouched for" in held.finding(held.members()).text


def test_a_calibration_that_the_holder_did_not_seal_is_refused(held):
    assert held.finding(held.members(), holder=PrivateKey.generate()).code == "key-unknown"
    sealed_other = attrs.evolve(held.parts, holder_seal=held.parts.seal)
    assert held.finding(held.members(parts=sealed_other)).code == "subject-differs"
    alone = attrs.evolve(held.parts, holder_seal=None)
    assert held.finding(held.members(parts=alone)).code == "member-missing"
    empty = attrs.evolve(held.parts, holder=None)
    assert held.finding(held.members(parts=empty)).code == "member-damaged"


def test_a_calibration_of_other_queries_or_encoders_is_refused(held, tmp_path):
    sound = fpframe.Enrolment.open(held.parts.holder)
    answers = sound.victim_answers.flip(0)
    attrs.evolve(sound, victim_answers=answers).save(tmp_path / "other.enrolment")
    seal = seal_subject(
        Subject("enrolment", attrs.evolve(sound, victim_answers=answers).digest),
        held.holder,
        manifest=hashlib.sha256((tmp_path / "other.enrolment/manifest.json").read_bytes()).hexdigest(),
    )
    (tmp_path / "other.seal").write_bytes(seal)
    parts = attrs.evolve(held.parts, holder=tmp_path / "other.enrolment", holder_seal=tmp_path / "other.seal")
    found = held.finding(held.members(parts=parts), holder=held.holder)
    assert found.code == "subject-differs"
    assert "another 'victim-answers.safetensors'" in found.text


def test_a_public_bundle_says_that_the_holder_calibrated_and_shows_nothing_of_it(held):
    members = held.members(PUBLIC)
    assert not [name for name in members if name.startswith("holder-member.")]
    found = held.finding(members, PUBLIC, holder=held.holder)
    assert found.state == "not checked"
    assert fpframe.Enrolment.open(held.parts.holder).digest in found.text
