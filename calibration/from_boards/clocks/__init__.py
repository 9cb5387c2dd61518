"""Cameras that run late, early or drift, told by a board that moves."""
