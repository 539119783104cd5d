"""Who offers what: plugins found, looked at in a child process, and registered by kind and name."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
