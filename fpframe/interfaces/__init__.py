"""What a plugin author implements: one abstract base class per kind of component."""

from fpframe.interfaces.attack import AttackContext, AttackSimulator
from fpframe.interfaces.augmenter import Augmenter
from fpframe.interfaces.backbone import BackboneSource
from fpframe.interfaces.component import Component
from fpframe.interfaces.dataset import DatasetSource
from fpframe.interfaces.encoder import Encoder
from fpframe.interfaces.filter import AnswerFilter, FilteredQuery, Probe
from fpframe.interfaces.perturbation import Perturbation, PerturbationGenerator
from fpframe.interfaces.references import References
from fpframe.interfaces.scheme import ComponentSpec, Part, Scheme
from fpframe.interfaces.suspect import SuspectRequest, SuspectSource

__all__ = [
    "AnswerFilter",
    "AttackContext",
    "AttackSimulator",
    "Augmenter",
    "BackboneSource",
    "Component",
    "ComponentSpec",
    "DatasetSource",
    "Encoder",
    "FilteredQuery",
    "Part",
    "Perturbation",
    "PerturbationGenerator",
    "Probe",
    "References",
    "Scheme",
    "SuspectRequest",
    "SuspectSource",
]
