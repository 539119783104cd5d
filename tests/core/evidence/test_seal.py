"""Seals and attestations: what is signed, and that nothing else passes for it."""

from __future__ import annotations

import hashlib

import attrs
import pytest

import fpframe
from fpframe.base import now
from fpframe.evidence import (
    Attestation,
    Case,
    EvidenceError,
    Seal,
    Statement,
    Subject,
    attest,
    read_authorities,
    read_private_key,
    read_statement,
    seal_commitment,
    seal_enrolment,
    sign,
)
from tsa import make_authority, stamp

pytestmark = pytest.mark.usefixtures("few_models")


@pytest.fixture(scope="module")
def key(sworn):
    return read_private_key(sworn.folder / "me.pem")


@pytest.fixture(scope="module")
def enrolment(sworn):
    return fpframe.Enrolment.open(sworn.enrolment)


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return make_authority(tmp_path_factory.mktemp("authority") / "tsa")


def refused(code):
    return pytest.raises(EvidenceError, match=rf"\[{code}\]")


def test_a_seal_is_about_the_enrolment_its_manifest_and_the_log(sworn, enrolment, key, authority):
    token, roots = stamp(authority, enrolment.digest), read_authorities(authority)
    case = Case.open(sworn.case)
    content = seal_enrolment(sworn.enrolment, key, case=case, token=token, authorities=roots)
    seal = Seal.read(content, key=key.public)
    assert seal.subject == Subject("enrolment", enrolment.digest)
    assert seal.log == case.log.head
    assert len(seal.manifest) == 64
    assert seal.stamped(roots).authority
    assert abs((seal.stamped().at - now()).total_seconds()) < 600


def test_a_seal_without_a_token_or_a_case_says_neither(sworn, key):
    seal = Seal.read(seal_enrolment(sworn.enrolment, key))
    assert (seal.log, seal.token, seal.stamped()) == ("", b"", None)


def test_a_token_over_something_else_or_of_an_unknown_authority_is_never_sealed(
    sworn, enrolment, key, authority, tmp_path
):
    with refused("token-of-another-subject"):
        seal_enrolment(sworn.enrolment, key, token=stamp(authority, "ab" * 32))
    other = read_authorities(make_authority(tmp_path / "other"))
    with refused("authority-unknown"):
        seal_enrolment(sworn.enrolment, key, token=stamp(authority, enrolment.digest), authorities=other)


def test_a_commitment_is_sealed_with_the_token_over_its_root(sworn, key, authority):
    case = Case.open(sworn.case)
    seal = Seal.read(seal_commitment(case, key, token=stamp(authority, case.root)))
    assert seal.subject == Subject("commitment", case.root)
    with refused("token-of-another-subject"):
        seal_commitment(case, key, token=stamp(authority, "ab" * 32))


def test_an_enrolment_that_the_log_does_not_have_is_not_sealed_with_it(copied, enrolment, key, tmp_path):
    case = Case.open(copied.case)
    interrupted = attrs.evolve(case, log=attrs.evolve(case.log, entries=case.log.entries[:1]))
    with refused("attempt-not-logged"):
        seal_enrolment(copied.enrolment, key, case=interrupted)
    attrs.evolve(enrolment, commitment=None).save(tmp_path / "plain.enrolment")
    with refused("commitment-of-another-case"):
        seal_enrolment(tmp_path / "plain.enrolment", key, case=case)


def test_a_seal_of_another_key_or_with_a_stripped_signature_is_refused(sworn, key):
    content = seal_enrolment(sworn.enrolment, read_private_key(sworn.folder / "stranger.pem"))
    with refused("key-unknown"):
        Seal.read(content, key=key.public)
    start, end = content.index(b'[{"keyid"'), content.index(b"}]") + 2
    with refused("signature-missing"):
        Seal.read(content[:start] + b"[]" + content[end:])


@pytest.mark.parametrize(
    "changes", [{"token": "?"}, {"at": "yesterday"}, {"manifest": 1}, {"more": ""}], ids=lambda changes: min(changes)
)
def test_a_statement_that_is_no_seal_is_refused_although_it_is_signed(key, changes):
    said = {"at": "2026-12-01T12:00:00Z", "log": "", "manifest": "", "token": "", **changes}
    statement = Statement(subjects=(Subject("enrolment", "ab" * 32),), kind="urn:fpframe:seal:1", predicate=said)
    with refused("statement-damaged"):
        Seal.read(sign(statement, key).to_bytes())


@pytest.fixture(scope="module")
def attested(sworn, enrolment, digits, tmp_path_factory):
    """The folder of an attestation on the victim itself and on an innocent model."""
    folder = tmp_path_factory.mktemp("attested") / "asked"
    innocent = fpframe.build_backbone(sworn.run.registry, "paper:arc-c", 10, digits.image_shape, seed=5)
    seen = digits.train[1000:]
    fpframe.train(innocent, seen.pixels, seen.labels, fpframe.Training(epochs=10, batch_size=32), seed=5)
    before = now()
    verdicts = [fpframe.verify(enrolment, network) for network in (sworn.network(digits), innocent)]
    key = read_private_key(sworn.folder / "auditor.pem")
    attest(verdicts, enrolment, key=key, alpha=0.25, times=(before, now()), out=folder)
    return folder, verdicts


def test_an_attestation_holds_the_verdicts_and_is_bound_to_the_answers(sworn, attested):
    folder, verdicts = attested
    key = read_private_key(sworn.folder / "auditor.pem").public
    told = Attestation.read((folder / "attestation.dsse.json").read_bytes(), key=key)
    assert list(told.verdicts) == verdicts
    assert told.enrolment == verdicts[0].enrolment
    assert told.started <= told.finished
    for number in (1, 2):
        content = (folder / f"answers-{number}.npz").read_bytes()
        assert told.answers[number - 1] == hashlib.sha256(content).hexdigest()
        [again] = fpframe.verify_many(sworn.enrolment, answers=[folder / f"answers-{number}.npz"])
        assert again.decision == verdicts[number - 1].decision
    assert told.statement.predicate["unfinished"] == 0


@pytest.mark.parametrize("change", ["verdicts", "times", "subjects", "alpha", "enrolment"])
def test_a_statement_that_is_no_attestation_is_refused_although_it_is_signed(sworn, attested, change):
    key = read_private_key(sworn.folder / "auditor.pem")
    statement = read_statement((attested[0] / "attestation.dsse.json").read_bytes(), kind="urn:fpframe:attestation:1")
    said = dict(statement.predicate)
    changes = {
        "verdicts": {"predicate": {**said, "verdicts": [{}]}},
        "times": {"predicate": {**said, "finished": "2020-01-01T00:00:00Z"}},
        "subjects": {"subjects": statement.subjects[:2]},
        "alpha": {"predicate": {**said, "alpha": "0.1"}},
        "enrolment": {"subjects": (Subject("enrolment", "ab" * 32), *statement.subjects[1:])},
    }
    with refused("statement-damaged"):
        Attestation.read(sign(attrs.evolve(statement, **changes[change]), key).to_bytes())
