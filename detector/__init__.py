"""Queries, networks, regions of interest, inference, training and synthetic data."""
