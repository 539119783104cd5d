from .asking import Asking as Asking
from .asking_plan import planned_asks as planned_asks
from .class_telling import ClassTelling as ClassTelling
from .interview import Interview as Interview
from .judge_suspects import conclude as conclude, judge as judge
from .queries_export import export_queries as export_queries
from .question_suspect import question as question
from .recordings import (
    Recording as Recording,
    keep_recordings as keep_recordings,
    recording_of as recording_of,
)
from .transcript import Transcript as Transcript
from .unfinished import (
    Unfinished as Unfinished,
    UnfinishedError as UnfinishedError,
    gravest as gravest,
    require_finished as require_finished,
    unfinished_of as unfinished_of,
)
from .verdict import Verdict as Verdict
from .verdict_json import verdict_schema as verdict_schema
from .verify_suspects import verify as verify, verify_each as verify_each, verify_many as verify_many
from .yardstick import Yardstick as Yardstick, models_of as models_of
from .yardsticks import Yardsticks as Yardsticks, compared_classes as compared_classes
