"""How tasks are run: in this process, in worker processes, on a Ray cluster, or in jobs of Slurm."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
