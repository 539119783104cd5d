"""What a scan of very many suspects would come to: accusations, thieves found, queries and money."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
