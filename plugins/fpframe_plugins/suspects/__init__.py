"""Suspect sources: model files and functions that can be questioned."""
