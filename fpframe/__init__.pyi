from .base import Event as Event, Note as Note, log_events as log_events
from .comparison import Comparison as Comparison, Design as Design, compare as compare
from .enrolment import (
    Enrolment as Enrolment,
    Independents as Independents,
    calibrate as calibrate,
    enroll as enroll,
    enroll_on_files as enroll_on_files,
)
from .errors import (
    DataError as DataError,
    FpframeDeprecationWarning as FpframeDeprecationWarning,
    FpframeError as FpframeError,
    IntegrityError as IntegrityError,
    ModelError as ModelError,
    ParameterError as ParameterError,
    PluginError as PluginError,
    RecipeError as RecipeError,
    RefusedQueryError as RefusedQueryError,
    ResourceError as ResourceError,
    SuspectUnavailableError as SuspectUnavailableError,
    UsageError as UsageError,
)
from .evaluation import Evaluation as Evaluation, evaluate as evaluate
from .interfaces import (
    AnswerFilter as AnswerFilter,
    AttackContext as AttackContext,
    AttackSimulator as AttackSimulator,
    Augmenter as Augmenter,
    BackboneSource as BackboneSource,
    Component as Component,
    ComponentSpec as ComponentSpec,
    DatasetSource as DatasetSource,
    Encoder as Encoder,
    FilteredQuery as FilteredQuery,
    Part as Part,
    Perturbation as Perturbation,
    PerturbationGenerator as PerturbationGenerator,
    Probe as Probe,
    References as References,
    Scheme as Scheme,
    Stratum as Stratum,
    SuspectExample as SuspectExample,
    SuspectRequest as SuspectRequest,
    SuspectSource as SuspectSource,
)
from .models import (
    Classifier as Classifier,
    Dataset as Dataset,
    Images as Images,
    Preparation as Preparation,
    Query as Query,
    QuerySet as QuerySet,
    Training as Training,
    ask as ask,
    evaluating as evaluating,
    through_channel as through_channel,
    train as train,
)
from .opening import (
    Victim as Victim,
    VictimPast as VictimPast,
    build_backbone as build_backbone,
    load_weights as load_weights,
    open_suspect as open_suspect,
    save_weights as save_weights,
)
from .recipe import Recipe as Recipe, Run as Run
from .registry import (
    PLUGIN_API as PLUGIN_API,
    Registry as Registry,
    hookimpl as hookimpl,
    load_registry as load_registry,
)
from .spending import Terms as Terms
from .store import Store as Store
from .verification import (
    Transcript as Transcript,
    Verdict as Verdict,
    export_queries as export_queries,
    verify as verify,
    verify_many as verify_many,
)
from .zoo import Lineage as Lineage, Zoo as Zoo, ZooPlan as ZooPlan, export_zoo as export_zoo, plan_zoo as plan_zoo
