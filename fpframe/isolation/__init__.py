"""Isolation: where suspects are opened and asked, in this process or apart from it, and how that may end."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
