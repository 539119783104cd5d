from .border import (
    Answers as Answers,
    Facts as Facts,
    HowRead as HowRead,
    IsolatedQuery as IsolatedQuery,
    Session as Session,
    answer as answer,
)
from .failure import (
    DeadSuspectError as DeadSuspectError,
    Failure as Failure,
    HungSuspectError as HungSuspectError,
)
from .inprocess import InProcess as InProcess
from .interface import Isolation as Isolation
from .journal import Journal as Journal, JournalledSession as JournalledSession, Journals as Journals
from .limits import USUAL_SECONDS as USUAL_SECONDS, Limits as Limits
from .ownprocess import OwnProcess as OwnProcess
from .request import OpeningRequest as OpeningRequest
