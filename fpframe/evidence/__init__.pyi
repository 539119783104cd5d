from .attestation import (
    ATTESTATION_FILE as ATTESTATION_FILE,
    ATTESTATION_KIND as ATTESTATION_KIND,
    Attestation as Attestation,
    attest as attest,
    read_day as read_day,
)
from .auditing import audit as audit
from .bill import bill_of_materials as bill_of_materials
from .bundle import (
    COURT as COURT,
    PUBLIC as PUBLIC,
    Parts as Parts,
    bundle_members as bundle_members,
    with_list as with_list,
    write_bundle as write_bundle,
)
from .case import COMMITMENT_KIND as COMMITMENT_KIND, Case as Case
from .checking import (
    Trust as Trust,
    check_bundle as check_bundle,
    check_members as check_members,
    read_bundle as read_bundle,
)
from .committing import commit as commit
from .derivation import Derivation as Derivation
from .enrolling import enroll_committed as enroll_committed
from .envelope import Envelope as Envelope, pre_authentication_encoding as pre_authentication_encoding
from .events import CaseEvent as CaseEvent, events_of as events_of
from .finding import Finding as Finding
from .keys import (
    PrivateKey as PrivateKey,
    PublicKey as PublicKey,
    read_private_key as read_private_key,
    read_public_key as read_public_key,
)
from .log import Entry as Entry, Log as Log
from .opened_queries import (
    OpenedQuery as OpenedQuery,
    query_leaves as query_leaves,
    read_queries as read_queries,
    root_of_queries as root_of_queries,
)
from .refusal import REFUSALS as REFUSALS, EvidenceError as EvidenceError
from .seal import (
    SEAL_KIND as SEAL_KIND,
    Seal as Seal,
    require_logged as require_logged,
    seal_commitment as seal_commitment,
    seal_enrolment as seal_enrolment,
    seal_subject as seal_subject,
)
from .shown_enrolment import ships as ships
from .statement import Statement as Statement, Subject as Subject, read_statement as read_statement, sign as sign
from .timestamp import (
    Token as Token,
    check_token as check_token,
    read_authorities as read_authorities,
    read_token_file as read_token_file,
)
