"""The sources of services alone, so that their tests import no other."""

import pytest

from fpframe import Registry
from fpframe_plugins.suspects import services


@pytest.fixture
def registry():
    return Registry([services])
