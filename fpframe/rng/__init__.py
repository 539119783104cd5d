"""Seeds, and the promise that global random state and thread counts are left as found, also among threads."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
