"""Retraining: designs trained to the end, tested once, and kept as networks."""
