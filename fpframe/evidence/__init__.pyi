from .case import COMMITMENT_KIND as COMMITMENT_KIND, Case as Case
from .committing import commit as commit
from .enrolling import enroll_committed as enroll_committed
from .envelope import Envelope as Envelope, pre_authentication_encoding as pre_authentication_encoding
from .keys import (
    PrivateKey as PrivateKey,
    PublicKey as PublicKey,
    read_private_key as read_private_key,
    read_public_key as read_public_key,
)
from .log import Entry as Entry, Log as Log
from .refusal import REFUSALS as REFUSALS, EvidenceError as EvidenceError
from .statement import Statement as Statement, Subject as Subject, read_statement as read_statement, sign as sign
