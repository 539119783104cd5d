"""How distributions and what they offer are told apart: ``DISTRIBUTION:NAME``."""

from __future__ import annotations

import re

from fpframe.errors import PluginError


def plain_name(distribution: str) -> str:
    """Return a distribution's name as package indexes compare it: small letters, hyphens alone."""
    return re.sub(r"[-_.]+", "-", distribution).lower()


def parse_pin(text: str) -> tuple[str, str]:
    """Return distribution and name of a pin ``DISTRIBUTION:NAME``.

    Raises:
        PluginError: it is not of this form.
    """
    distribution, colon, name = text.partition(":")
    if not (distribution and colon and name):
        raise PluginError(f"'{text}' pins nothing; write DISTRIBUTION:NAME, such as fpframe-jitter:jitter")
    return plain_name(distribution), name
