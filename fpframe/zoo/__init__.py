"""The zoo: derived and independent models that a fingerprint is fitted, calibrated and tried on."""

from fpframe.zoo.build import Zoo, build_zoo
from fpframe.zoo.partition import Parts, partition
from fpframe.zoo.plan import ZooModel, plan_zoo, victim_model
from fpframe.zoo.workspace import VictimHandle, Workspace

__all__ = [
    "Parts",
    "VictimHandle",
    "Workspace",
    "Zoo",
    "ZooModel",
    "build_zoo",
    "partition",
    "plan_zoo",
    "victim_model",
]
