"""Asking a service: what that may cost and how fast, and what was sent, answered and spent."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
