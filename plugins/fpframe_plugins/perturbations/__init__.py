"""Perturbation generators: universal ones, ones for each image, and controls."""
