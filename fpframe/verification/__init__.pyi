from .hindrances import broken as broken, constant as constant
from .judge_suspects import judge as judge
from .queries_export import export_queries as export_queries
from .question_suspect import Asking as Asking
from .transcript import Transcript as Transcript
from .verdict import Verdict as Verdict
from .verdict_json import verdict_schema as verdict_schema
from .verify_suspects import verify as verify, verify_many as verify_many
from .yardstick import Yardstick as Yardstick
from .yardsticks import Yardsticks as Yardsticks
