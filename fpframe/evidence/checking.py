"""`check_bundle`: look at everything in a bundle that can be looked at without the victim, its data or a network."""

from __future__ import annotations

import contextlib
import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from fpframe.base import Leaf, canonical_json, read_time
from fpframe.decision import reaches
from fpframe.enrolment import TERMS, Beacon, Committed, Enrolment, Terms
from fpframe.errors import UsageError
from fpframe.evidence.attestation import ATTESTATION_FILE, ATTESTATION_KIND, Attestation, answers_file
from fpframe.evidence.bundle import (
    BUNDLE,
    BUNDLE_FILE,
    BUNDLE_KIND,
    COMMITMENT_SEAL_FILE,
    COURT,
    ENROLMENT_PREFIX,
    HOLDER_PREFIX,
    HOLDER_SEAL_FILE,
    PUBLIC,
    QUERIES_FILE,
    SEAL_FILE,
    VERSION,
    list_of,
    read_opened,
)
from fpframe.evidence.case import COMMITMENT, COMMITMENT_KIND, ENVELOPE_FILE, LEAVES_FILE, LOG_FILE, committed_root
from fpframe.evidence.finding import Finding, Findings
from fpframe.evidence.holding import PART as HOLDER, judge_by_holder, require_same_questions, require_sealed
from fpframe.evidence.judged_again import judge_again
from fpframe.evidence.keys import PublicKey
from fpframe.evidence.log import Log
from fpframe.evidence.opened_queries import read_queries, root_of_queries
from fpframe.evidence.refusal import EvidenceError
from fpframe.evidence.seal import ENROLMENT, Seal
from fpframe.evidence.shown_enrolment import ShownEnrolment
from fpframe.evidence.statement import Statement, read_statement
from fpframe.store import read_manifest, read_members

if TYPE_CHECKING:
    from cryptography.x509 import Certificate


_ANSWERS = re.compile(r"answers-[1-9]\d*\.npz")


@attrs.frozen(kw_only=True)
class Trust:
    """What the reader trusts.

    Attributes:
        authorities: root certificates of time-stamping authorities.
        claimant: the claimant's key; ``None`` takes the one that the commitment names.
        auditor: the key of whoever asked; ``None`` takes the one that the attestation names.
        holder: the key of the suspect's holder; ``None`` takes the one that the holder's seal names.
    """

    authorities: tuple[Certificate, ...] = ()
    claimant: PublicKey | None = None
    auditor: PublicKey | None = None
    holder: PublicKey | None = None


def check_bundle(path: str | Path, trust: Trust | None = None) -> list[Finding]:
    """Return what holds in a bundle, part by part, and what does not.

    Raises:
        IntegrityError: a member is missing, was changed, or is not listed.
        UsageError: there is no such folder, it is no bundle, or it is of another release.
    """
    members, kind = read_bundle(path)
    return check_members(members, kind, trust or Trust())


def read_bundle(path: str | Path) -> tuple[Mapping[str, bytes], str]:
    """Return the members of a bundle by name, and which kind it is: ``court`` or ``public``.

    Raises:
        IntegrityError: a member is missing, was changed, or is not listed.
        UsageError: there is no such folder, it is no bundle, or it is of another release.
    """
    manifest = read_manifest(BUNDLE, Path(path))
    about = manifest.about
    if set(about) != set(BUNDLE.always) or about["bundle"] not in (COURT, PUBLIC) or about["version"] != VERSION:
        raise UsageError(f"this is not a bundle of version {VERSION} ({path}); check it with the release that made it")
    return read_members(BUNDLE, Path(path), manifest), str(about["bundle"])


def check_members(members: Mapping[str, bytes], kind: str, trust: Trust) -> list[Finding]:
    """Return what holds among the members of a bundle, and what does not."""
    return _Check(members=members, court=kind == COURT, trust=trust).run()


@attrs.define(kw_only=True)
class _Check:
    members: Mapping[str, bytes]
    court: bool
    trust: Trust
    findings: Findings = attrs.field(factory=Findings)

    def run(self) -> list[Finding]:
        look = self.findings.look
        look("members", self._names)
        commitment = look("commitment", self._commitment)
        leaves = look("leaves", lambda: self._leaves(commitment)) if commitment else None
        terms = look("terms", lambda: self._terms(leaves, commitment)) if leaves and commitment else None
        log = look("log", lambda: self._log(commitment, terms)) if commitment and terms else None
        seal = look("seal", lambda: self._seal(commitment, log)) if commitment and log else None
        if commitment and terms:
            look("dates", lambda: self._dates(commitment, terms, seal))
        shown = None
        if self.court and seal and leaves and log:
            shown = look("enrolment", lambda: self._enrolment(seal, leaves, log))
        opened = look("enrolment", shown.opened) if shown and not shown.foreign_encoder else None
        attestation = look("attestation", lambda: self._attestation(seal)) if seal else None
        if attestation and commitment:
            self._release(attestation, commitment)
        if attestation and terms:
            look("verdicts", lambda: self._choices(attestation, terms))
        if attestation and opened:
            self._verdicts(attestation, opened)
        elif attestation and shown and shown.foreign_encoder:
            text = f"the encoder '{shown.foreign_encoder}' does not ship with fpframe"
            self.findings.add("verdicts", "not checked", text)
        elif attestation and not self.court:
            self.findings.add("verdicts", "not checked", "a public bundle holds neither answers nor encoders")
        look("queries", lambda: self._queries(seal, attestation, opened))
        look(HOLDER, lambda: self._holder(shown, attestation))
        return self.findings.found

    def _names(self) -> None:
        needed = {BUNDLE_FILE, ENVELOPE_FILE, LEAVES_FILE, LOG_FILE, SEAL_FILE}
        known = needed | {COMMITMENT_SEAL_FILE, ATTESTATION_FILE, HOLDER_SEAL_FILE}
        if not self.court:
            known.add(QUERIES_FILE)
        missing, unknown = needed - set(self.members), []
        for name in self.members:
            own = self.court and (name.startswith((ENROLMENT_PREFIX, HOLDER_PREFIX)) or name in self._answers())
            if name not in known and not own:
                unknown.append(name)
        if missing:
            raise EvidenceError("member-missing", f"'{min(missing)}' is missing")
        if unknown:
            raise EvidenceError("member-unknown", f"'{min(unknown)}' is not a member of such a bundle")
        signed = read_statement(self.members[BUNDLE_FILE], kind=BUNDLE_KIND)
        if signed.signer.raw not in {key.raw for key in self._signers()}:
            raise EvidenceError("key-unknown", "whoever signed the list is neither the claimant nor asked the suspect")
        if signed != list_of(self.members, self.court, signed.signer):
            raise EvidenceError("subject-differs", "the members are others than those of the signed list")
        self.findings.add("members", "good", f"{len(self.members)} members, listed by key {signed.signer.keyid[:16]}")

    def _signers(self) -> list[PublicKey]:
        """Return the keys of the commitment and of the attestation, as far as they can be read."""
        kinds, found = {ENVELOPE_FILE: COMMITMENT_KIND, ATTESTATION_FILE: ATTESTATION_KIND}, []
        for name, kind in kinds.items():
            with contextlib.suppress(KeyError, EvidenceError):
                found.append(read_statement(self.members[name], kind=kind).signer)
        return found

    def _answers(self) -> list[str]:
        if ATTESTATION_FILE not in self.members:
            return []
        try:
            told = Attestation.read(self.members[ATTESTATION_FILE])
        except EvidenceError:  # what is wrong with it is said elsewhere, and not of the files that belong to it
            return [name for name in self.members if _ANSWERS.fullmatch(name)]
        return [answers_file(number) for number in range(1, len(told.verdicts) + 1)]

    def _commitment(self) -> Statement:
        statement = read_statement(self._member(ENVELOPE_FILE), kind=COMMITMENT_KIND, key=self.trust.claimant)
        root, told = committed_root(statement), statement.predicate
        try:
            read_time(told.get("at"))
        except ValueError as error:
            raise EvidenceError("statement-damaged", f"the commitment has no time: {error}") from error
        whose = "the claimant's key" if self.trust.claimant else "a key that nobody vouched for"
        text = f"{root} signed by {statement.signer.keyid[:16]}, {whose}; {told['at']} by the claimant's clock"
        self.findings.add("commitment", "good", text)
        return statement

    def _leaves(self, commitment: Statement) -> list[Leaf]:
        count = commitment.predicate.get("leaves")
        if type(count) is not int or not 1 <= count <= 10_000:
            raise EvidenceError("statement-damaged", "the commitment does not say how many leaves it has")
        leaves = read_opened(self._member(LEAVES_FILE), root=committed_root(commitment), count=count)
        if self.court and len(leaves) != count:
            raise EvidenceError("commitment-differs", f"{len(leaves)} of {count} leaves are opened")
        self.findings.add("leaves", "good", f"{len(leaves)} of {count} are shown, and lead to the commitment")
        return leaves

    def _terms(self, leaves: list[Leaf], commitment: Statement) -> Terms:
        try:
            terms = Terms.read(next(leaf.value for leaf in leaves if leaf.name == TERMS))
            Beacon(terms.beacon, "00" * 16)
        except (StopIteration, ValueError, UsageError) as error:
            raise EvidenceError("commitment-differs", f"the terms cannot be read: {error}") from error
        if (terms.beacon, terms.source) != (commitment.predicate.get("beacon"), commitment.predicate.get("source")):
            raise EvidenceError("commitment-differs", "the commitment was signed for another beacon")
        text = f"{terms.enrolments} enrolment{'s' if terms.enrolments > 1 else ''}, alpha {terms.alpha:g} together"
        self.findings.add("terms", "good", f"{text}; {terms.test}; beacon of {terms.beacon} ({terms.source})")
        return terms

    def _log(self, commitment: Statement, terms: Terms) -> Log:
        log = Log.parse(self._member(LOG_FILE), root=committed_root(commitment))
        made = max((entry.attempt for entry in log.entries), default=0)
        if made > terms.enrolments:
            raise EvidenceError("attempts-spent", f"attempt {made} was made where {terms.enrolments} are allowed")
        self.findings.add("log", "good", f"{made} of {terms.enrolments} attempts were made")
        return log

    def _seal(self, commitment: Statement, log: Log) -> Seal:
        seal = Seal.read(self._member(SEAL_FILE), key=commitment.signer)
        if seal.subject.name != ENROLMENT:
            raise EvidenceError("subject-differs", "the seal is not about an enrolment")
        if seal.log not in log.heads:
            raise EvidenceError("log-damaged", "the log is not the one that was sealed")
        if seal.subject.sha256 not in {entry.enrolment for entry in log.entries if entry.enrolment}:
            raise EvidenceError("attempt-not-logged", "the log does not say that the sealed enrolment was made")
        self.findings.add("seal", "good", f"enrolment {seal.subject.sha256}, by the key of the commitment")
        return seal

    def _dates(self, commitment: Statement, terms: Terms, seal: Seal | None) -> None:
        """Look at the order: commitment, beacon, enrolment."""
        earliest = Beacon(terms.beacon, "00" * 16).earliest
        at = read_time(commitment.predicate["at"])
        if at >= earliest:
            raise EvidenceError("beacon-too-early", f"the beacon of {terms.beacon} is not later than the commitment")
        if COMMITMENT_SEAL_FILE in self.members:
            stamped = Seal.read(self.members[COMMITMENT_SEAL_FILE], key=commitment.signer)
            stamped.statement.require_subject(COMMITMENT, committed_root(commitment))
            token = stamped.stamped(self.trust.authorities)
            if token is None or token.at >= earliest:
                when = token.time if token else "no time"
                raise EvidenceError("beacon-too-early", f"the commitment is dated {when}, after its beacon")
            self._say_token("commitment dated", token.time, token.authority)
        else:
            self.findings.add("commitment dated", "not checked", "by the claimant's own clock only")
        if seal is None:
            return
        stamp = seal.stamped(self.trust.authorities)
        if stamp is None:
            self.findings.add("enrolment dated", "not checked", f"{seal.at} by the claimant's own clock only")
            stamp_at = read_time(seal.at)
        else:
            self._say_token("enrolment dated", stamp.time, stamp.authority)
            stamp_at = stamp.at
        if stamp_at < earliest:
            raise EvidenceError("seal-before-beacon", f"the enrolment was sealed before the beacon of {terms.beacon}")

    def _say_token(self, part: str, time: str, authority: bool) -> None:
        if authority:
            self.findings.add(part, "good", f"there at {time}, says an authority that you trust")
        else:
            self.findings.add(
                part, "not checked", f"there at {time}, says a token of an authority that you did not name"
            )

    def _enrolment(self, seal: Seal, leaves: list[Leaf], log: Log) -> ShownEnrolment:
        shown = ShownEnrolment.of(self._files(ENROLMENT_PREFIX))
        require_sealed(shown, seal)
        committed = shown.commitment()
        _require_made_under(committed, leaves, log, shown.digest)
        shown.require_as_committed()
        self.findings.add("enrolment", "good", f"{shown.digest}, attempt {committed.attempt}, as it was committed to")
        foreign = shown.foreign_components
        if foreign:
            text = f"made with what does not ship with fpframe: {', '.join(foreign)}; read its source"
            self.findings.add("components", "marked", text, "component-foreign")
        return shown

    def _attestation(self, seal: Seal) -> Attestation | None:
        if ATTESTATION_FILE not in self.members:
            self.findings.add("attestation", "not checked", "nobody signed a verdict")
            return None
        told = Attestation.read(self.members[ATTESTATION_FILE], key=self.trust.auditor)
        told.statement.require_subject(ENROLMENT, seal.subject.sha256)
        stamp = seal.stamped()
        sealed, how = (read_time(seal.at), "the seal") if stamp is None else (stamp.at, "the token")
        if sealed > told.started:
            code = "seal-after-first-query" if stamp is None else "token-after-first-query"
            raise EvidenceError(code, f"{how} is later than the first query ({told.statement.predicate['started']})")
        for number, digest in enumerate(told.answers, start=1):
            content = self.members.get(answers_file(number))
            if self.court and (content is None or hashlib.sha256(content).hexdigest() != digest):
                raise EvidenceError("answers-differ", f"'{answers_file(number)}' is not what was signed")
        whose = "the auditor's key" if self.trust.auditor else "a key that nobody vouched for"
        said = told.statement.predicate
        count = len(told.verdicts)
        asked = f"asked {said['started']} to {said['finished']}, signed by {whose}"
        text = f"{count} verdict{'s' if count > 1 else ''}, {asked}"
        self.findings.add("attestation", "good", text)
        return told

    def _release(self, attestation: Attestation, commitment: Statement) -> None:
        """Mark a claim against suspects that were there before anything was committed to."""
        if not attestation.released:
            self.findings.add("release", "not checked", "nobody said when the suspects were published")
            return
        committed = str(commitment.predicate["at"])[:10]  # a token can only be later
        if attestation.released < committed:
            text = f"the suspects were published on {attestation.released}, and committed was on {committed}"
            self.findings.add("release", "marked", text, "suspect-older")
        else:
            self.findings.add("release", "good", f"the suspects were published on {attestation.released}, not before")

    def _choices(self, attestation: Attestation, terms: Terms) -> None:
        """Look at how suspects were judged: a level is never higher than was committed to, and all else is marked."""
        if not reaches(max([attestation.alpha, *(each.alpha for each in attestation.verdicts)]), terms.level):
            raise EvidenceError("verdict-differs", f"a verdict is held to more than {terms.level:g}, as committed to")
        wanted = {"certify": terms.certify, "channel": terms.channel, "through": terms.through}
        for number, verdict in enumerate(attestation.verdicts, start=1):
            told = {"certify": verdict.certify, **{name: verdict.settings.get(name) for name in ("channel", "through")}}
            others = ["test"] if verdict.test != terms.test else []
            others += [name for name, value in wanted.items() if told[name] != value]
            if others:
                text = f"{', '.join(others)} of verdict {number} are others than were committed to"
                self.findings.add("choices", "marked", text, "chosen-afterwards")

    def _verdicts(self, attestation: Attestation, enrolment: Enrolment) -> None:
        self.findings.found += judge_again(attestation, enrolment, self._answered(attestation))

    def _queries(self, seal: Seal | None, attestation: Attestation | None, enrolment: Enrolment | None) -> None:
        """Look at whether those who sealed and asked speak of the same queries, and at those that are shown."""
        told = [each.queries for each in (seal, attestation) if each is not None]
        found = told if enrolment is None else [*told, root_of_queries(enrolment)]
        if len(set(found)) > 1:
            raise EvidenceError("queries-differ", "whoever sealed and whoever asked do not speak of the same queries")
        if QUERIES_FILE not in self.members:
            return
        if seal is None or attestation is None:
            self.findings.add("queries", "not checked", "no seal and attestation hold")
            return
        by = self.members[ATTESTATION_FILE]
        shown, count = read_queries(self.members[QUERIES_FILE], root=seal.queries, by=by)
        text = f"{len(shown)} of {count} are shown, and lead to what was sealed; nobody chose which"
        self.findings.add("queries", "good", text)

    def _holder(self, claimants: ShownEnrolment | None, attestation: Attestation | None) -> None:
        """Look at what the holder's own calibration says, beside the claimant's and never in its place."""
        files = self._files(HOLDER_PREFIX)
        if not files and HOLDER_SEAL_FILE not in self.members:
            return
        seal = Seal.read(self._member(HOLDER_SEAL_FILE), key=self.trust.holder)
        if not self.court:
            self.findings.add(HOLDER, "not checked", f"the holder sealed {seal.subject.sha256}, which is not public")
            return
        shown = ShownEnrolment.of(files)
        require_sealed(shown, seal)
        if claimants is None or attestation is None:
            self.findings.add(HOLDER, "not checked", "there is nothing that holds to compare it with")
            return
        require_same_questions(shown, claimants)
        if shown.foreign_encoder:
            text = f"the encoder '{shown.foreign_encoder}' does not ship with fpframe"
            self.findings.add(HOLDER, "not checked", text)
            return
        answers = self._answered(attestation)
        self.findings.found += judge_by_holder(shown.opened(), seal, self.trust.holder, attestation, answers)

    def _answered(self, attestation: Attestation) -> list[bytes]:
        return [self.members[answers_file(number)] for number in range(1, len(attestation.verdicts) + 1)]

    def _files(self, prefix: str) -> dict[str, bytes]:
        return {name.removeprefix(prefix): content for name, content in self.members.items() if name.startswith(prefix)}

    def _member(self, name: str) -> bytes:
        if name not in self.members:
            raise EvidenceError("member-missing", f"'{name}' is missing")
        return self.members[name]


def _require_made_under(committed: Committed, leaves: list[Leaf], log: Log, digest: str) -> None:
    if committed.root != log.root or [canonical_json(leaf.to_dict()) for leaf in committed.leaves] != [
        canonical_json(leaf.to_dict()) for leaf in leaves
    ]:
        raise EvidenceError("commitment-of-another-case", "the enrolment was made under another commitment")
    wanted = (committed.attempt, committed.beacon.value, digest)
    if wanted not in {(entry.attempt, entry.beacon, entry.enrolment) for entry in log.entries}:
        raise EvidenceError("attempt-not-logged", "the log does not have this enrolment, or not by this beacon")
