"""The experiments of the paper's supplement, each in a file of its own, on one victim and one zoo."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
