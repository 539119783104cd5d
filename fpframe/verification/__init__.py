"""Verification: question a suspect, keep what it answered, and say what that shows."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
