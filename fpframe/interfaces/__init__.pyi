from .attack import AttackContext as AttackContext, AttackSimulator as AttackSimulator
from .augmenter import Augmenter as Augmenter
from .backbone import BackboneSource as BackboneSource
from .component import Component as Component
from .dataset import DatasetSource as DatasetSource
from .encoder import Encoder as Encoder, Relation as Relation
from .fence import fenced as fenced, require as require, unfenced as unfenced
from .filter import AnswerFilter as AnswerFilter, FilteredQuery as FilteredQuery, Probe as Probe
from .forms import has_form as has_form, is_one_of as is_one_of
from .perturbation import Perturbation as Perturbation, PerturbationGenerator as PerturbationGenerator
from .references import References as References
from .scheme import ComponentSpec as ComponentSpec, Part as Part, Scheme as Scheme
from .stratum import Stratum as Stratum
from .suspect import (
    SuspectExample as SuspectExample,
    SuspectRequest as SuspectRequest,
    SuspectSource as SuspectSource,
)
