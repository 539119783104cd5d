"""The conformance kit: does a component keep the promises of its kind?

For plugin authors: `check_component` in any test, `parametrize_with_checks` in pytest, ``fpframe plugins check NAME``
on the command line. The built-ins pass exactly these checks.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
