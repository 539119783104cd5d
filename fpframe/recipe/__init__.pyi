from .former import explains_former as explains_former
from .recipe import (
    SPLITS as SPLITS,
    TEST_POOL as TEST_POOL,
    DerivedGroup as DerivedGroup,
    Group as Group,
    IndependentGroup as IndependentGroup,
    Partition as Partition,
    Recipe as Recipe,
    VictimRecipe as VictimRecipe,
)
from .run import Run as Run
from .schemefile import load_scheme as load_scheme
