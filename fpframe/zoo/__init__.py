"""The zoo: derived and independent models that a fingerprint is fitted, calibrated and tried on."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
