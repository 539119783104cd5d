"""Augmenters: where query points come from, and the views around them."""
