from .attempt import Attempt as Attempt, Result as Result
from .innocents import Claims as Claims, Rate as Rate, claim_against_origins as claim_against_origins
from .playing import play as play
from .table import ATTEMPTS as ATTEMPTS, UNSEEN as UNSEEN, Unseen as Unseen
