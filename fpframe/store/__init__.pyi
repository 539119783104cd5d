from .durable import write_durably as write_durably
from .mapped import (
    Mapped as Mapped,
    mapped_meanwhile as mapped_meanwhile,
    mapped_once as mapped_once,
    mapping_into as mapping_into,
)
from .memo import Remembered as Remembered, recall_seconds as recall_seconds, remember as remember
from .output import (
    refuse_export as refuse_export,
    refuse_file as refuse_file,
    refuse_folder as refuse_folder,
    refuse_place as refuse_place,
)
from .sealed import (
    SEAL as SEAL,
    Manifest as Manifest,
    SealedKind as SealedKind,
    read_manifest as read_manifest,
    read_members as read_members,
    refuse_existing as refuse_existing,
    write_sealed as write_sealed,
)
from .store import Entry as Entry, Store as Store, dump as dump
