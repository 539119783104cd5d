"""Tokens of time-stamping authorities: of whom, over what, and damage to any byte."""

from __future__ import annotations

import pytest

from fpframe.base import now
from fpframe.errors import UsageError
from fpframe.evidence import EvidenceError, check_token, read_authorities, read_token_file
from fpframe.evidence.derorder import with_ordered_certificates
from tsa import make_authority, openssl_verifies, stamp

DIGEST = "ab" * 32


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return make_authority(tmp_path_factory.mktemp("authority") / "tsa")


@pytest.fixture(scope="module")
def token(authority):
    return stamp(authority, DIGEST)


def refused(code):
    return pytest.raises(EvidenceError, match=rf"\[{code}\]")


def test_a_token_says_when_a_digest_was_there_and_openssl_agrees(authority, token):
    told = check_token(token, DIGEST, read_authorities(authority))
    assert told.authority
    assert abs((told.at - now()).total_seconds()) < 600
    assert openssl_verifies(authority, token, DIGEST)


def test_without_a_trusted_authority_it_is_said_that_nobody_looked(token):
    assert not check_token(token, DIGEST).authority


def test_an_unknown_authority_is_refused(token, tmp_path):
    with refused("authority-unknown"):
        check_token(token, DIGEST, read_authorities(make_authority(tmp_path / "other")))


def test_a_token_over_another_digest_is_refused(authority, token):
    with refused("token-of-another-subject"):
        check_token(token, "cd" * 32, read_authorities(authority))


def test_a_token_by_another_hash_is_refused(authority):
    (authority.parent / "openssl.cnf").write_text(
        (authority.parent / "openssl.cnf").read_text().replace("digests = sha256", "digests = sha256, sha512")
    )
    with refused("token-of-another-subject"):
        check_token(stamp(authority, "ab" * 64, algorithm="sha512"), DIGEST)


def test_no_change_of_a_byte_makes_it_say_another_time_or_digest(authority, token):
    roots, sound = read_authorities(authority), check_token(token, DIGEST)
    for place in range(len(token)):
        damaged = bytearray(token)
        damaged[place] ^= 0x01
        try:
            told = check_token(bytes(damaged), DIGEST, roots)
        except EvidenceError:
            continue
        # some bytes are not signed, such as those of a certificate that is not needed
        assert told.at == sound.at


@pytest.mark.parametrize("content", [b"", b"\x30", b"\x30\x03\x02\x01\x02", b"0" * 200, b"\x30\x84\xff\xff\xff\xff"])
def test_what_is_no_token_is_refused(content):
    assert with_ordered_certificates(content) == content
    with refused("token-damaged"):
        check_token(content, DIGEST)


def test_certificates_are_put_in_order_and_nothing_else_is_touched(token):
    ordered = with_ordered_certificates(token)
    assert ordered != token, "OpenSSL does not sort them"
    assert sorted(ordered) == sorted(token)
    assert with_ordered_certificates(ordered) == ordered


def test_files_that_hold_no_certificates_or_are_none_are_refused(tmp_path):
    (tmp_path / "empty.pem").write_text("nothing")
    with pytest.raises(UsageError, match="not certificates in PEM"):
        read_authorities(tmp_path / "empty.pem")
    for read in (read_authorities, read_token_file):
        with pytest.raises(UsageError, match="cannot be read"):
            read(tmp_path / "missing")
