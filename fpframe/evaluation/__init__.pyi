from .counts import LEVELS as LEVELS, Rate as Rate, Separation as Separation, rate as rate
from .diagnostics import Diagnostics as Diagnostics, diagnose as diagnose
from .evaluate_models import evaluate as evaluate, evaluate_zoo as evaluate_zoo
from .records import Evaluation as Evaluation, HeldOut as HeldOut
from .slim import keep_answers as keep_answers, stored_bytes as stored_bytes
