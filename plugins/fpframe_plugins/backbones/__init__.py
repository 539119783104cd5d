"""Backbone sources: networks by address."""
