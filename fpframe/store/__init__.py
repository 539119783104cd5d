"""What lies on disk: trained models, remembered results, durable writes and clearing up."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
