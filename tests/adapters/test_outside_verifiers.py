"""Other people's verifiers find good what fpframe writes, and find what was changed in it."""

from __future__ import annotations

import json
import subprocess

import model_signing
import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from fpframe.cli import run
from fpframe.errors import IntegrityError
from fpframe.evidence import COURT, PrivateKey, Subject, bill_of_materials, seal_subject, write_bundle
from frozen import modern_enrolment


@pytest.fixture(scope="module")
def enrolment():
    return modern_enrolment()


@pytest.fixture
def folder(enrolment, tmp_path):
    path = tmp_path / "my.enrolment"
    enrolment.save(path)
    return path


def problems(text):
    """Return what a validator of CycloneDX finds wrong; nothing where all is well."""
    return JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)


def test_a_bill_of_materials_is_valid_and_the_same_every_time(enrolment, tmp_path):
    seal = tmp_path / "my.enrolment.seal"
    seal.write_bytes(seal_subject(Subject("enrolment", enrolment.digest), PrivateKey.generate()))
    text = bill_of_materials(enrolment, seal=seal)
    assert problems(text) is None
    assert bill_of_materials(enrolment, seal=seal) == text
    told = json.loads(text)
    model = told["metadata"]["component"]
    assert (told["specVersion"], model["type"]) == ("1.6", "machine-learning-model")
    said = {each["name"]: each["value"] for each in model["properties"]}
    assert said["fpframe:enrolment"] == enrolment.digest
    assert said["fpframe:weights"] == enrolment.victim["digest"]
    assert [each["type"] for each in model["externalReferences"]] == ["attestation"]


def test_the_validator_finds_a_bill_that_is_none(enrolment):
    told = json.loads(bill_of_materials(enrolment))
    told["metadata"]["component"]["type"] = "secret-model"
    assert problems(json.dumps(told)) is not None


def test_a_seal_of_another_enrolment_is_not_referred_to(enrolment, tmp_path):
    seal = tmp_path / "other.seal"
    seal.write_bytes(seal_subject(Subject("enrolment", "ab" * 32), PrivateKey.generate()))
    with pytest.raises(IntegrityError, match="subject-differs"):
        bill_of_materials(enrolment, seal=seal)


def test_the_command_writes_a_valid_bill(folder, tmp_path, capsys):
    assert run(["bom", str(folder), "--out", str(tmp_path / "my.cdx.json")]) == 0
    assert "CycloneDX 1.6" in capsys.readouterr().out
    assert problems((tmp_path / "my.cdx.json").read_text()) is None
    assert run(["bom", str(folder), "--out", str(tmp_path / "my.cdx.json")]) == 2


@pytest.mark.parametrize("kind", ["enrolment", "bundle"])
def test_model_signing_verifies_a_folder_and_finds_a_changed_byte(kind, folder, tmp_path):
    if kind == "bundle":
        members = {f"enrolment-member.{path.name}": path.read_bytes() for path in folder.iterdir()}
        folder = tmp_path / "case.bundle"
        write_bundle(members, COURT, folder)
    make = ["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", tmp_path / "model.pem"]
    subprocess.run(make, check=True, capture_output=True)
    publish = ["openssl", "ec", "-in", tmp_path / "model.pem", "-pubout", "-out", tmp_path / "model.pub"]
    subprocess.run(publish, check=True, capture_output=True)
    signature = tmp_path / "model.sig"
    model_signing.signing.Config().use_elliptic_key_signer(private_key=tmp_path / "model.pem").sign(folder, signature)

    def verify():
        config = model_signing.verifying.Config().use_elliptic_key_verifier(public_key=tmp_path / "model.pub")
        config.verify(folder, signature)

    verify()
    changed = bytearray((folder / "manifest.json").read_bytes())
    changed[10] ^= 1
    (folder / "manifest.json").write_bytes(changed)
    with pytest.raises(ValueError, match=r"manifest\.json|mismatch|differ"):
        verify()
