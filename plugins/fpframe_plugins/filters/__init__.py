"""Answer filters: what stands between a model and whoever sends it images."""
