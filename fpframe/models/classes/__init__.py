"""Classes: what a suspect calls those that it tells, and which of the victim's they are."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
