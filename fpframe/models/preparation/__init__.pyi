from .grammar import GRAMMAR as GRAMMAR
from .perchannel import finite as finite, per_channel as per_channel, positive as positive
from .resize import Resize as Resize
from .value import (
    BGR as BGR,
    GREY as GREY,
    NCHW as NCHW,
    NHWC as NHWC,
    PLAIN as PLAIN,
    RGB as RGB,
    Channels as Channels,
    Layout as Layout,
    Preparation as Preparation,
    as_preparation as as_preparation,
    luma as luma,
)
