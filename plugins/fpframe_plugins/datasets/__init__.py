"""Dataset sources: images by address."""
