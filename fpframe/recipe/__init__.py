"""What a run is told: recipes and schemes, as data and as TOML files."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
