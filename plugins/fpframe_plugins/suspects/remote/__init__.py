"""Suspects that are services: asked over HTTP, as a description in TOML says."""
