"""Preparation: what happens to an image before a network takes it, as a value that is read, written and applied."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
