from .attempt import Attempt as Attempt, Result as Result
from .play import play as play
from .table import ATTEMPTS as ATTEMPTS, UNSEEN as UNSEEN, Unseen as Unseen
