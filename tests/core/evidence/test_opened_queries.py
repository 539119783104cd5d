"""Single queries are shown to the public: those that nobody chose, and that were sealed; the others stay secret."""

from __future__ import annotations

import base64
import json

import attrs
import pytest
import torch

import fpframe
from fpframe.base import merkle_root, now
from fpframe.cli import run
from fpframe.errors import UsageError
from fpframe.evidence import (
    COURT,
    PUBLIC,
    SEAL_KIND,
    Case,
    EvidenceError,
    Parts,
    Trust,
    attest,
    bundle_members,
    check_members,
    query_leaves,
    read_private_key,
    read_queries,
    read_statement,
    root_of_queries,
    seal_enrolment,
    sign,
    with_list,
)
from fpframe.evidence.opened_queries import chosen

pytestmark = pytest.mark.usefixtures("few_models")


@attrs.frozen(kw_only=True)
class Opened:
    """A public bundle that shows some queries."""

    parts: Parts
    key: object
    enrolment: fpframe.Enrolment

    def members(self, kind=PUBLIC, opened=20, **changes):
        members = {**bundle_members(self.parts, kind, opened=opened), **changes}
        return with_list(members, kind, self.key)

    def finding(self, members, kind=PUBLIC):
        return next((each for each in check_members(members, kind, Trust()) if each.part == "queries"), None)

    def changed(self, change):
        """Return what is found where the file of queries says something else, and is listed anew."""
        stored = json.loads(self.members()["queries.json"])
        change(stored)
        content = (json.dumps(stored, sort_keys=True, separators=(",", ":")) + "\n").encode()
        return self.finding(self.members(**{"queries.json": content}))


@pytest.fixture(scope="module")
def opened(sworn, digits, tmp_path_factory) -> Opened:
    folder = tmp_path_factory.mktemp("opened")
    me, auditor = (read_private_key(sworn.folder / f"{name}.pem") for name in ("me", "auditor"))
    case, enrolment = Case.open(sworn.case), fpframe.Enrolment.open(sworn.enrolment)
    (folder / "my.seal").write_bytes(seal_enrolment(sworn.enrolment, me, case=case))
    started = now()
    verdict = fpframe.verify(enrolment, sworn.network(digits))
    attest([verdict], enrolment, key=auditor, alpha=0.25, times=(started, now()), out=folder / "asked")
    parts = Parts(case=case, enrolment=sworn.enrolment, seal=folder / "my.seal", attested=folder / "asked")
    return Opened(parts=parts, key=me, enrolment=enrolment)


def test_twenty_queries_are_shown_and_lead_to_what_was_sealed_and_asked(opened):
    members = opened.members()
    found = opened.finding(members)
    assert found.state == "good"
    assert (
        found.text
        == f"20 of {opened.enrolment.queries.queries} are shown, and lead to what was sealed; nobody chose which"
    )
    by, root = members["attestation.dsse.json"], root_of_queries(opened.enrolment)
    shown, count = read_queries(members["queries.json"], root=root, by=by)
    assert count == opened.enrolment.queries.queries
    assert len({each.number for each in shown}) == 20
    flat = opened.enrolment.queries.images.flatten(0, 1)
    assert all(torch.equal(each.image, flat[each.number]) for each in shown)


def test_the_others_stay_secret(opened):
    members = opened.members()
    shown, _ = read_queries(
        members["queries.json"], root=root_of_queries(opened.enrolment), by=members["attestation.dsse.json"]
    )
    content = b"".join(members.values())
    numbers = {each.number for each in shown}
    images = opened.enrolment.queries.images.flatten(0, 1)
    known = {images[number].numpy().tobytes() for number in numbers}
    leaves = query_leaves(opened.enrolment.commitment, opened.enrolment.digest, opened.enrolment.queries)
    for number, leaf in enumerate(leaves):
        image = images[number].numpy().tobytes()
        assert (leaf.salt.encode() in content) == (number in numbers)
        assert image in known or base64.b64encode(image) not in content
    assert merkle_root([leaf.digest for leaf in leaves]).hex() == root_of_queries(opened.enrolment)


def test_other_images_salts_paths_or_numbers_are_refused(opened):
    def exchange(stored):
        stored["opened"][0]["image"] = stored["opened"][1]["image"]

    def resalt(stored):
        stored["opened"][0]["leaf"]["salt"] = "0" * 64

    def cut(stored):
        stored["opened"][0]["path"].pop()

    def leave_out(stored):
        # one that is shown however few are: without the last in that order, the others are what follows for one less
        (first,) = chosen(stored["count"], 1, by=opened.members()["attestation.dsse.json"])
        stored["opened"] = [each for each in stored["opened"] if each["leaf"]["name"] != f"query:{first}"]

    def recount(stored):
        stored["count"] += 1

    def shape(stored):
        stored["opened"][0]["shape"] = [10**9, 10**9, 1]

    for change in (exchange, resalt, cut, leave_out, recount, shape):
        found = opened.changed(change)
        assert (found.state, found.code) == ("refused", "queries-differ"), change.__name__
    assert opened.changed(lambda stored: None).state == "good"


def test_whoever_seals_other_queries_than_are_asked_is_refused(opened, tmp_path):
    other = attrs.evolve(opened.enrolment, commitment=None)
    assert root_of_queries(other) == ""
    statement = json.loads(base64.b64decode(json.loads(opened.parts.seal.read_text())["payload"]))
    assert statement["predicate"]["queries"] == root_of_queries(opened.enrolment)
    sealed = read_statement(opened.parts.seal.read_bytes(), kind=SEAL_KIND)
    said = attrs.evolve(sealed, predicate={**sealed.predicate, "queries": "ab" * 32})
    forged = sign(said, opened.key).to_bytes()
    for kind in (PUBLIC, COURT):
        found = opened.finding(opened.members(kind, 0, **{"enrolment.seal": forged}), kind)
        assert (found.state, found.code) == ("refused", "queries-differ")


def test_a_court_bundle_and_a_claim_before_anybody_was_asked_open_nothing(opened):
    with pytest.raises(UsageError, match="a court bundle holds all queries"):
        opened.members(COURT)
    early = attrs.evolve(opened.parts, attested=None)
    with pytest.raises(UsageError, match="secret until then"):
        bundle_members(early, PUBLIC, opened=20)
    assert opened.finding(opened.members(COURT, 0), COURT) is None
    with pytest.raises(EvidenceError, match="queries-differ"):
        read_queries(b"{}", root="", by=b"")


def test_the_commands_show_queries(opened, sworn, tmp_path, capsys):
    parts = opened.parts
    words = ["--commitment", str(sworn.case), "--enrolment", str(parts.enrolment), "--seal", str(parts.seal)]
    words += ["--attest", str(parts.attested), "--key", str(sworn.folder / "me.pem"), "--public", "--open", "5"]
    assert run(["bundle", *words, "--out", str(tmp_path / "open.bundle")]) == 0
    assert run(["check", str(tmp_path / "open.bundle")]) == 0
    assert "5 of " in capsys.readouterr().out
