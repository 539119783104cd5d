from .address import Address as Address, as_address as as_address, import_callable as import_callable
from .arrayfile import read_array as read_array, read_arrays as read_arrays
from .codes import (
    CAVEATS as CAVEATS,
    IN_SENTENCE as IN_SENTENCE,
    REASONS as REASONS,
    Reason as Reason,
)
from .device import (
    computing_device as computing_device,
    computing_on as computing_on,
    has_bfloat16 as has_bfloat16,
)
from .digest import (
    batches_digest as batches_digest,
    canonical_json as canonical_json,
    content_key as content_key,
    tensors_digest as tensors_digest,
    without_nan as without_nan,
)
from .events import Event as Event, Listener as Listener, ignore as ignore, log_events as log_events
from .form import (
    UNCHANGED as UNCHANGED,
    is_adapted as is_adapted,
    split_form as split_form,
    with_form as with_form,
)
from .jsontext import parse_json as parse_json
from .machine import machine_profile as machine_profile
from .merkle import (
    Leaf as Leaf,
    merkle_path as merkle_path,
    merkle_root as merkle_root,
    root_of_path as root_of_path,
)
from .note import Note as Note
from .reading import (
    MOST_OF_DATA as MOST_OF_DATA,
    MOST_OF_TEXT as MOST_OF_TEXT,
    mistaken_for as mistaken_for,
    read_file as read_file,
    why_unread as why_unread,
)
from .terminal import printable as printable
from .times import now as now, read_time as read_time, write_time as write_time
from .toml import explain as explain, make_converter as make_converter, parse_text as parse_text, read_text as read_text
from .unfit import UNFIT as UNFIT, Unfitness as Unfitness
