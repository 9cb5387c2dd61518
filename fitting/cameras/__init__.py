"""Cameras that nobody calibrated: found from the head, and cameras that contradict each other."""
