"""Checkpoints: files of weights as people keep them, and how the weights of a network are found in one."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
