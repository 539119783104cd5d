"""Corroboration by weights: how like the weights of a suspect's file are to the victim's, beside independent models."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
