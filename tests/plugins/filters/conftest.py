"""Filters by name."""

import pytest


@pytest.fixture
def make(registry):
    def make(name, **params):
        return registry.create("filter", name, **params)

    return make
