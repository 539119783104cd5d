"""Answers: what a model gives back for images, in whatever form, and how it becomes probabilities."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
