"""Attack simulators: how a thief copies or alters the victim."""
