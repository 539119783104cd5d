from .corroborate_weights import corroborate as corroborate
from .corroboration import (
    FORMAT as FORMAT,
    ComparedLayer as ComparedLayer,
    ComparedModel as ComparedModel,
    Corroboration as Corroboration,
)
from .opening import open_victim as open_victim
from .remarks import REMARKS as REMARKS, Remark as Remark
from .weightsfile import Weights as Weights
