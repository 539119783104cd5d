from .addresses import recipe_addresses as recipe_addresses
from .answers import (
    ask_models as ask_models,
    ask_models_through as ask_models_through,
    ask_once as ask_once,
    ask_pixels as ask_pixels,
    asking_seconds as asking_seconds,
)
from .base import Base as Base
from .baserecipe import require_base as require_base, suited as suited
from .beginnings import begins_at_base as begins_at_base
from .build import build_models as build_models
from .chain import FilterChain as FilterChain
from .costs import Cost as Cost, stored_costs as stored_costs
from .dropped import drop_weights as drop_weights, dropped_models as dropped_models
from .export import INDEX as INDEX, export_zoo as export_zoo
from .folds import divide_families as divide_families
from .grammar import read_steps as read_steps
from .keys import model_key as model_key
from .lengths import find_lengths as find_lengths, unable as unable, with_lengths as with_lengths
from .lineage import (
    LABELS as LABELS,
    TRAIN as TRAIN,
    VICTIM as VICTIM,
    Lineage as Lineage,
    answers_vary as answers_vary,
    component_of as component_of,
    is_filter as is_filter,
    make_step as make_step,
)
from .make import labels_on_test as labels_on_test
from .model import ZooModel as ZooModel, trained_lineage as trained_lineage, victim_model as victim_model
from .needs import GPU_TFLOPS as GPU_TFLOPS, Needs as Needs
from .outlook import Outlook as Outlook, announce as announce
from .parts import Parts as Parts, partition as partition
from .plan import ZooPlan as ZooPlan, plan_zoo as plan_zoo
from .planner import (
    plan_models as plan_models,
    require_thefts as require_thefts,
    thefts_of_weights as thefts_of_weights,
)
from .references import ZooReferences as ZooReferences
from .rows import ZooRow as ZooRow
from .setting import (
    Setting as Setting,
    open_workspace as open_workspace,
    prepare as prepare,
    train_victim as train_victim,
    with_able_models as with_able_models,
)
from .strata import find_stratum as find_stratum
from .thief import Thief as Thief
from .workspace import VictimHandle as VictimHandle, Workspace as Workspace
from .zoo import FAILED_THEFT as FAILED_THEFT, Facts as Facts, Zoo as Zoo
