from .choosing import Place as Place, choose as choose
from .closest import choose_closest as choose_closest
from .contents import (
    SUFFIXES as SUFFIXES,
    Contents as Contents,
    index_parts as index_parts,
    open_contents as open_contents,
)
from .kinds import (
    describe_weights as describe_weights,
    kind_of as kind_of,
    looks_like_weights as looks_like_weights,
)
from .pickled import read_pickles_here as read_pickles_here
from .told import liberties as liberties
from .wanted import Wanted as Wanted
