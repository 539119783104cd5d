from .cell_areas import (
    ALL_INDEPENDENT as ALL_INDEPENDENT,
    ALL_THEFTS as ALL_THEFTS,
    FPR as FPR,
    Area as Area,
    Contrast as Contrast,
    areas as areas,
    cells as cells,
    contrasts as contrasts,
    pairs as pairs,
    rate_over_zoos as rate_over_zoos,
    thefts_of as thefts_of,
)
from .compare_schemes import compare as compare
from .design import Design as Design
from .kinds import KINDS as KINDS, MODIFIED as MODIFIED, kind_of as kind_of
from .records import (
    RECORD as RECORD,
    Comparison as Comparison,
    Cost as Cost,
    Doubt as Doubt,
    DrawnZoo as DrawnZoo,
    Outcome as Outcome,
    Questioned as Questioned,
)
