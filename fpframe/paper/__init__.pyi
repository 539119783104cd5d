from .experiment import (
    EXPERIMENTS as EXPERIMENTS,
    Claim as Claim,
    Experiment as Experiment,
    Finding as Finding,
    Table as Table,
)
from .folder import Reproduction as Reproduction, index_page as index_page, page as page
from .laboratory import Laboratory as Laboratory
from .reproduce_paper import open_laboratory as open_laboratory, reproduce as reproduce
