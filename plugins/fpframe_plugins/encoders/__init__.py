"""Encoders: what a model's answers become before they are compared."""
