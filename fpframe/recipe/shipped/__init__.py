"""Recipes that ship with fpframe, by name."""
