from .former import explains_former as explains_former
from .recipe import (
    SOURCES as SOURCES,
    SPLITS as SPLITS,
    STRATA as STRATA,
    DerivedGroup as DerivedGroup,
    IndependentGroup as IndependentGroup,
    Partition as Partition,
    Recipe as Recipe,
    VictimRecipe as VictimRecipe,
    overlap_of as overlap_of,
)
from .run import Run as Run
from .schemefile import load_scheme as load_scheme
