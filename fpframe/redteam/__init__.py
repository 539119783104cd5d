"""A malicious owner's tricks, played on copies of an enrolment, and what the protocol says to each."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
