"""Synthetic training data: rendered people with exact landmarks (W22 section 3.1)."""
