"""Envelopes and statements: what is signed, by whom, and that nothing else passes for it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import attrs
import pytest
from securesystemslib.dsse import Envelope as OtherEnvelope
from securesystemslib.signer import SSlibKey

from fpframe.errors import UsageError
from fpframe.evidence import (
    REFUSALS,
    Envelope,
    EvidenceError,
    Statement,
    Subject,
    pre_authentication_encoding,
    read_private_key,
    read_public_key,
    read_statement,
    sign,
)
from fpframe.evidence.statement import PAYLOAD_TYPE

KIND = "urn:fpframe:example:1"
STATEMENT = Statement(subjects=(Subject("enrolment", "ab" * 32),), kind=KIND, predicate={"said": ["ü", 1, None]})


def make_key(folder, name="me", *options):
    path = folder / f"{name}.pem"
    algorithm = options or ("-algorithm", "ed25519")
    subprocess.run(["openssl", "genpkey", *algorithm, "-out", path], check=True, capture_output=True)
    return path


@pytest.fixture(scope="module")
def key(tmp_path_factory):
    return read_private_key(make_key(tmp_path_factory.mktemp("keys")))


@pytest.fixture(scope="module")
def other_key(tmp_path_factory):
    return read_private_key(make_key(tmp_path_factory.mktemp("keys")))


def refused(code):
    return pytest.raises(EvidenceError, match=rf"\[{code}\]")


def test_what_is_signed_has_the_example_encoding_of_the_dsse_protocol():
    assert pre_authentication_encoding("http://example.com/HelloWorld", b"hello world") == (
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )


def test_a_statement_is_read_as_it_was_signed(key):
    content = sign(STATEMENT, key).to_bytes()
    read = read_statement(content, kind=KIND)
    assert read.subjects == STATEMENT.subjects
    assert read.predicate == {**STATEMENT.predicate, "signer": key.public.raw.hex()}
    assert read_statement(content, kind=KIND, key=key.public) == read
    assert sign(STATEMENT, key).to_bytes() == content


def test_it_is_a_statement_of_in_toto():
    stored = json.loads(STATEMENT.to_payload())
    assert stored["_type"] == "https://in-toto.io/Statement/v1"
    assert stored["subject"] == [{"name": "enrolment", "digest": {"sha256": "ab" * 32}}]
    assert stored["predicateType"] == KIND


def test_another_implementation_of_dsse_finds_the_signature_good(key):
    content = sign(STATEMENT, key).to_bytes()
    envelope = OtherEnvelope.from_dict(json.loads(content))
    public = SSlibKey(key.public.keyid, "ed25519", "ed25519", {"public": key.public.raw.hex()})
    assert set(envelope.verify([public], 1)) == {key.public.keyid}
    assert envelope.pae() == pre_authentication_encoding(PAYLOAD_TYPE, envelope.payload)


def test_openssl_finds_the_signature_good(key, tmp_path):
    pem, message, signature = (tmp_path / name for name in ("public.pem", "message", "signature"))
    private = make_key(tmp_path)
    subprocess.run(["openssl", "pkey", "-in", private, "-pubout", "-out", pem], check=True)
    envelope = sign(STATEMENT, read_private_key(private))
    message.write_bytes(pre_authentication_encoding(envelope.payload_type, envelope.payload))
    signature.write_bytes(envelope.signatures[0][1])
    command = [
        "openssl",
        "pkeyutl",
        "-verify",
        "-pubin",
        "-inkey",
        pem,
        "-rawin",
        "-in",
        message,
        "-sigfile",
        signature,
    ]
    assert "Verified" in subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert read_public_key(pem).keyid == read_public_key(private).keyid == envelope.signatures[0][0]


def test_a_change_of_any_byte_is_refused(key):
    content = sign(STATEMENT, key).to_bytes()
    for place in range(len(content)):
        for bit in (1, 0x20, 0x80):
            damaged = bytearray(content)
            damaged[place] ^= bit
            with pytest.raises(EvidenceError, match=r"\[[a-z-]+\]"):
                read_statement(bytes(damaged), kind=KIND)


def test_a_stripped_signature_is_refused(key):
    stripped = attrs.evolve(sign(STATEMENT, key), signatures=())
    with refused("signature-missing"):
        read_statement(stripped.to_bytes(), kind=KIND)
    with refused("signature-missing"):
        stripped.require_signed(key.public)


def test_a_signature_of_another_statement_is_refused(key):
    other = sign(attrs.evolve(STATEMENT, predicate={"said": 2}), key)
    with refused("signature-wrong"):
        read_statement(attrs.evolve(sign(STATEMENT, key), signatures=other.signatures).to_bytes(), kind=KIND)


def test_a_signature_of_another_key_is_refused(key, other_key):
    with refused("key-unknown"):
        read_statement(sign(STATEMENT, other_key).to_bytes(), kind=KIND, key=key.public)
    exchanged = attrs.evolve(sign(STATEMENT, key), signatures=sign(STATEMENT, other_key).signatures)
    with refused("key-unknown"):
        read_statement(exchanged.to_bytes(), kind=KIND)


def test_a_second_signature_is_refused(key, other_key):
    both = sign(STATEMENT, key).signatures + sign(STATEMENT, other_key).signatures
    with refused("envelope-damaged"):
        read_statement(attrs.evolve(sign(STATEMENT, key), signatures=both).to_bytes(), kind=KIND)


def test_a_statement_of_another_kind_or_subject_is_refused(key):
    with refused("statement-of-another-kind"):
        read_statement(sign(STATEMENT, key).to_bytes(), kind="urn:fpframe:verdict:1")
    with refused("statement-of-another-kind"):
        read_statement(Envelope.sign(STATEMENT.to_payload(), "text/plain", key).to_bytes(), kind=KIND)
    STATEMENT.require_subject("enrolment", "ab" * 32)
    with refused("subject-differs"):
        STATEMENT.require_subject("enrolment", "cd" * 32)
    with refused("subject-differs"):
        STATEMENT.require_subject("suspect", "ab" * 32)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"[]",
        b'{"_type":1,"_type":1}',
        STATEMENT.to_payload() + b" ",
        STATEMENT.to_payload().replace(b"Statement/v1", b"Statement/v2"),
        STATEMENT.to_payload().replace(b'"digest":{"sha256"', b'"digest":{"sha512"'),
        STATEMENT.to_payload().replace(b"abab", b"ABab"),
    ],
    ids=["empty", "list", "twice", "behind", "version", "algorithm", "capitals"],
)
def test_what_is_no_statement_is_refused_although_it_is_signed(key, payload):
    with refused("statement-damaged"):
        read_statement(Envelope.sign(payload, PAYLOAD_TYPE, key).to_bytes(), kind=KIND)


def test_a_statement_without_the_key_of_its_author_is_refused(key):
    with refused("statement-damaged"):
        read_statement(Envelope.sign(STATEMENT.to_payload(), PAYLOAD_TYPE, key).to_bytes(), kind=KIND)


def test_keys_of_other_kinds_and_files_that_are_none_are_refused(tmp_path):
    with pytest.raises(UsageError, match="not of Ed25519"):
        read_private_key(make_key(tmp_path, "ec", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"))
    with pytest.raises(UsageError, match="behind a password"):
        read_private_key(make_key(tmp_path, "secret", "-algorithm", "ed25519", "-aes256", "-pass", "pass:word"))
    (tmp_path / "text.pem").write_text("-----BEGIN NOTHING-----\n")
    for read in (read_private_key, read_public_key):
        with pytest.raises(UsageError, match=r"is not a (private|public) key in PEM"):
            read(tmp_path / "text.pem")
        with pytest.raises(UsageError, match="cannot be read"):
            read(tmp_path / "missing.pem")
        with pytest.raises(UsageError, match="not a regular file"):
            read(tmp_path)


def test_without_the_extra_one_line_says_what_to_install(tmp_path, monkeypatch):
    path = make_key(tmp_path)
    monkeypatch.setitem(__import__("sys").modules, "cryptography", None)
    with pytest.raises(UsageError, match=r"pip install 'fpframe\[evidence\]'"):
        read_private_key(path)


def test_refusals_have_registered_codes_in_order():
    assert list(REFUSALS) == sorted(REFUSALS)
    with pytest.raises(KeyError, match="no-such-code"):
        EvidenceError("no-such-code", "unknown")


def test_the_docs_list_every_refusal_as_it_is_registered_and_no_other():
    page = Path(__file__).parents[3] / "docs/reference/evidence.md"
    text = page.read_text(encoding="utf-8").partition("\n## Refusals\n")[2].partition("\n## ")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:3] == "| `"]
    assert {code.strip("`"): meaning for code, meaning in rows} == REFUSALS
