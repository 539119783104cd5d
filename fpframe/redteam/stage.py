"""`Stage`: a sound case over an enrolment, with keys of its own, of which every attempt spoils a copy."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import torch
from torch import nn

from fpframe.base import Leaf, merkle_root, now, write_time
from fpframe.enrolment import Committed, Enrolment
from fpframe.errors import FpframeError, UsageError
from fpframe.evidence import (
    ATTESTATION_KIND,
    COMMITMENT_KIND,
    COURT,
    Case,
    EvidenceError,
    Log,
    Parts,
    PrivateKey,
    Statement,
    Subject,
    Trust,
    attest,
    bundle_members,
    check_members,
    query_leaves,
    read_authorities,
    read_statement,
    seal_subject,
    sign,
    with_list,
)
from fpframe.redteam.attempt import Said
from fpframe.redteam.authority import Authority
from fpframe.redteam.shown_digest import ShownDigest
from fpframe.verification import Verdict, verify

SECOND = datetime.timedelta(seconds=1)
COMMITMENT, ENROLMENT = "commitment", "enrolment"
ATTESTATION, SEAL = "attestation.dsse.json", "enrolment.seal"


@attrs.frozen(kw_only=True)
class Stage:
    """Everything that a malicious owner has: the enrolment, a key, an authority, and the verdicts on two suspects.

    The suspects are networks that know nothing of the victim: what is tried does not depend on what they are.

    Attributes:
        enrolment: the enrolment.
        folder: where copies are made.
        claimant: the owner's key.
        auditor: the key of whoever asks.
        stranger: a key that nobody knows.
        authority: stamps; ``None`` where OpenSSL is not installed.
        committed_at: when the sound commitment was made.
        token: the authority's, over the digest of the enrolment; empty where there is none.
        asked_at: when the first suspect was asked, which is later.
        verdicts: what was said of each suspect.
    """

    enrolment: Enrolment
    folder: Path
    claimant: PrivateKey
    auditor: PrivateKey
    stranger: PrivateKey
    authority: Authority | None
    committed_at: datetime.datetime
    token: bytes
    asked_at: datetime.datetime
    verdicts: tuple[Verdict, Verdict]

    @classmethod
    def set(cls, enrolment: Enrolment, folder: Path) -> Stage:
        """Return a stage in a new folder.

        Raises:
            UsageError: the enrolment was made without a commitment, and nothing could be seen then.
        """
        if enrolment.commitment is None:
            raise UsageError(
                "the enrolment was made without a commitment, and then nobody can see what its owner tried; enroll "
                "with 'fpframe enroll --commitment'"
            )
        enrolment.save(folder / "sound.enrolment")
        authority = Authority.make(folder / "authority")
        made = cls(
            enrolment=enrolment,
            folder=folder,
            claimant=PrivateKey.generate(),
            auditor=PrivateKey.generate(),
            stranger=PrivateKey.generate(),
            authority=authority,
            committed_at=enrolment.commitment.beacon.earliest - SECOND,
            token=b"" if authority is None else authority.stamp(enrolment.digest),
            asked_at=now() + SECOND,
            verdicts=(verify(enrolment, suspect(enrolment, 0)), verify(enrolment, suspect(enrolment, 1))),
        )
        said = made.checked(made.members())
        if said.answer != "nothing":
            raise UsageError(f"even the sound case over this enrolment does not hold: {said.text} [{said.code}]")
        return made

    @property
    def committed(self) -> Committed:
        """What was committed to."""
        assert self.enrolment.commitment is not None
        return self.enrolment.commitment

    @property
    def trust(self) -> Trust:
        """What the reader of a bundle trusts: both keys, and the authority."""
        roots = () if self.authority is None else tuple(read_authorities(self.authority.root))
        return Trust(authorities=roots, claimant=self.claimant.public, auditor=self.auditor.public)

    def case(
        self, *, at: datetime.datetime | None = None, log: Log | None = None, leaves: tuple[Leaf, ...] = ()
    ) -> Case:
        """Return the case of the commitment, as its owner says that it was made; or of another one, by its leaves."""
        leaves, terms = leaves or self.committed.leaves, self.committed.terms
        root = merkle_root([leaf.digest for leaf in leaves]).hex()
        said = Statement(
            subjects=(Subject(COMMITMENT, root),),
            kind=COMMITMENT_KIND,
            predicate={
                "at": write_time(at or self.committed_at),
                "leaves": len(leaves),
                "beacon": terms.beacon,
                "source": terms.source,
            },
        )
        return Case(
            folder=self.folder / "case",
            envelope=sign(said, self.claimant).to_bytes(),
            leaves=leaves,
            how={},
            log=log or self.log(self.enrolment.digest, root=root),
        )

    def log(self, *made: str, root: str | None = None) -> Log:
        """Return a log that says that these enrolments were made."""
        log, beacon = Log(root=root or self.committed.root), self.committed.beacon.value
        for attempt, digest in enumerate(made, start=1):
            log = log.with_entry("started", attempt, beacon).with_entry("finished", attempt, beacon, enrolment=digest)
        return log

    def seal(self, folder: Path, log: Log, *, token: bytes | None = None, at: datetime.datetime | None = None) -> Path:
        """Return the file of a seal of an enrolment, with the token of the authority unless it gets another one."""
        shown = ShownDigest.of(folder)
        if token is None:
            token = self.token
            if self.authority is not None and shown.digest != self.enrolment.digest:
                token = self.authority.stamp(shown.digest)
        leaves = query_leaves(self.committed, shown.digest, self.enrolment.queries)
        content = seal_subject(
            Subject(ENROLMENT, shown.digest),
            self.claimant,
            manifest=shown.manifest,
            log=log.head,
            token=token,
            queries=merkle_root([leaf.digest for leaf in leaves]).hex(),
            at="" if at is None else write_time(at),
        )
        path = folder.with_name(f"{folder.name}.seal")
        path.write_bytes(content)
        return path

    def attested(
        self,
        *verdicts: Verdict,
        started: datetime.datetime | None = None,
        released: str = "",
        alpha: float | None = None,
    ) -> Path:
        """Return the folder of an attestation, by default on the first suspect."""
        started = started or self.asked_at
        out = self.folder / f"asked-{len(list(self.folder.glob('asked-*')))}"
        attest(
            verdicts or self.verdicts[:1],
            self.enrolment,
            key=self.auditor,
            alpha=self.enrolment.recipe.alpha if alpha is None else alpha,
            times=(started, started + SECOND),
            out=out,
            released=released,
        )
        return out

    def parts(self, **changes: Any) -> Parts:
        """Return what the sound bundle is made of, but for changes."""
        folder = self.folder / "sound.enrolment"
        case = changes.pop("case", None) or self.case()
        whole: dict[str, Any] = {"case": case, "enrolment": folder, **changes}
        if "seal" not in whole:
            whole["seal"] = self.seal(whole["enrolment"], case.log)
        if "attested" not in whole:
            whole["attested"] = self.attested()
        return Parts(**whole)

    def members(self, parts: Parts | None = None, **changes: bytes) -> dict[str, bytes]:
        """Return the members of a court bundle that the owner lists, some of them others."""
        members = bundle_members(parts or self.parts(), COURT)
        members |= {_MEMBERS[name]: content for name, content in changes.items()}
        return with_list(members, COURT, self.claimant)

    def attested_anew(self, *verdicts: Verdict, **said: Any) -> bytes:
        """Return an attestation, by default on the first suspect, in which whoever asked says something else."""
        content = (self.attested(*verdicts) / ATTESTATION).read_bytes()
        statement = read_statement(content, kind=ATTESTATION_KIND)
        changed = attrs.evolve(statement, predicate={**statement.predicate, **said})
        return sign(changed, self.auditor).to_bytes()

    def forged(self, name: str, forgery: Enrolment) -> Path:
        """Return the folder of an enrolment that its owner has changed."""
        path = self.folder / f"{name}.enrolment"
        forgery.save(path)
        return path

    def claim(self, folder: Path) -> dict[str, bytes]:
        """Return the bundle of a claim with a forged enrolment, which is logged and sealed; nobody was asked yet."""
        log = self.log(ShownDigest.of(folder).digest)
        return self.members(self.parts(case=self.case(log=log), enrolment=folder, attested=None))

    def checked(self, members: Mapping[str, bytes], trust: Trust | None = None) -> Said:
        """Return what somebody learns who checks a bundle."""
        try:
            findings = check_members(members, COURT, trust or self.trust)
        except FpframeError as error:
            return refusal(error)
        for state in ("refused", "marked"):
            for finding in findings:
                if finding.state == state:
                    return Said(answer=finding.state, code=finding.code, text=f"{finding.part}: {finding.text}")
        return Said(answer="nothing")


def refusal(error: FpframeError) -> Said:
    """Return what an error says."""
    code = error.code if isinstance(error, EvidenceError) else f"exit {error.exit_code}"
    return Said(answer="refused", code=code, text=str(error))


def suspect(enrolment: Enrolment, seed: int) -> nn.Module:
    """Return a network that knows nothing of the victim."""
    inputs = int(torch.tensor(enrolment.queries.image_shape).prod())
    network = nn.Sequential(nn.Flatten(), nn.Linear(inputs, len(enrolment.classes)))
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in network.parameters():
            weight.copy_(torch.randn(weight.shape, generator=generator))
    return network.eval()


_MEMBERS = {"attestation": ATTESTATION, "seal": SEAL, "log": "log.jsonl", "answers": "answers-1.npz"}
