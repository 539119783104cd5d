"""What a plugin author implements: one abstract base class per kind of component."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
