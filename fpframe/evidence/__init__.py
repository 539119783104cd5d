"""Signed statements about enrolments and verdicts: who said what, and when, for readers who trust nobody's computer."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
