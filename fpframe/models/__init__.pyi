from .answers import (
    CALLED as CALLED,
    OUTPUTS as OUTPUTS,
    AnswerReader as AnswerReader,
    Finding as Finding,
    Outputs as Outputs,
    ReadAlready as ReadAlready,
    Reading as Reading,
    find as find,
    infer_outputs as infer_outputs,
)
from .ask_model import ask as ask
from .channel import (
    KNOWN_CHANNELS as KNOWN_CHANNELS,
    PROBS as PROBS,
    TOP1 as TOP1,
    information as information,
    is_channel as is_channel,
    nearest_channel as nearest_channel,
    observe_channel as observe_channel,
    through_channel as through_channel,
)
from .classifier import Classifier as Classifier, state_digest as state_digest
from .dataset import Dataset as Dataset, Images as Images
from .fitted import Fitted as Fitted, free_sizes as free_sizes
from .gathering import asked_at_once as asked_at_once, gathered as gathered
from .imageview import (
    ImageView as ImageView,
    Readable as Readable,
    keep_images as keep_images,
    scratch_images as scratch_images,
)
from .modes import copied as copied, evaluating as evaluating
from .pixels import Pixels as Pixels, some_pixels as some_pixels
from .preparation import (
    GREY as GREY,
    NCHW as NCHW,
    NHWC as NHWC,
    PLAIN as PLAIN,
    RGB as RGB,
    Channels as Channels,
    Layout as Layout,
    Preparation as Preparation,
    Resize as Resize,
    as_preparation as as_preparation,
    finite as finite,
    per_channel as per_channel,
    positive as positive,
)
from .query import Query as Query
from .queryset import (
    QueryPart as QueryPart,
    QuerySet as QuerySet,
    add_perturbation as add_perturbation,
    grid_steps as grid_steps,
    image_digests as image_digests,
    to_pixels as to_pixels,
)
from .training import REVISION as REVISION, SCHEDULES as SCHEDULES, Training as Training, train as train
