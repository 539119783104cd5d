from .asked import AskedModel as AskedModel
from .backbones import PYTHON as PYTHON, build_backbone as build_backbone
from .base import base_weights as base_weights
from .batches import BatchLimits as BatchLimits, in_chunks as in_chunks
from .checkpoints import (
    SUFFIXES as SUFFIXES,
    Contents as Contents,
    Place as Place,
    Wanted as Wanted,
    choose_closest as choose_closest,
    describe_weights as describe_weights,
    index_parts as index_parts,
    kind_of as kind_of,
    looks_like_weights as looks_like_weights,
    open_contents as open_contents,
    read_pickles_here as read_pickles_here,
)
from .datasets import download_dataset as download_dataset, open_dataset as open_dataset, open_pool as open_pool
from .inprocess import (
    function_query as function_query,
    module_query as module_query,
    normaliser as normaliser,
    open_device as open_device,
    open_query as open_query,
    refuse_backbone as refuse_backbone,
)
from .inputs import TakenInput as TakenInput, take_input as take_input
from .modelfiles import (
    as_input as as_input,
    check_input as check_input,
    existing_file as existing_file,
    file_digest as file_digest,
    has_suffix as has_suffix,
)
from .networks import build_for_weights as build_for_weights
from .outputs import (
    NetworkOutput as NetworkOutput,
    as_rows as as_rows,
    choose_output as choose_output,
    chosen_note as chosen_note,
)
from .ownnames import own_class_names as own_class_names, with_own_classes as with_own_classes
from .saved import Saved as Saved, is_from_source as is_from_source, opening_notes as opening_notes
from .sources import find_service as find_service, find_source as find_source, known_forms as known_forms
from .suspects import Opening as Opening, Suspect as Suspect, open_suspect as open_suspect
from .trust import imports_code as imports_code, refuse_code as refuse_code
from .victim import Victim as Victim, VictimPast as VictimPast
from .weights import load_weights as load_weights, save_weights as save_weights
