from .already import ReadAlready as ReadAlready
from .finding import find as find, infer_outputs as infer_outputs
from .findings import Finding as Finding, Misfit as Misfit
from .kinds import CALLED as CALLED, OUTPUTS as OUTPUTS, Outputs as Outputs
from .reader import AnswerReader as AnswerReader
from .reading import Reading as Reading
from .shares import BYTES as BYTES, are_shares as are_shares, top_count as top_count
from .unread import UnreadError as UnreadError
from .unwrapping import Unwrapped as Unwrapped
