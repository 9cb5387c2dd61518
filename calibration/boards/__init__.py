"""The boards that cameras are calibrated with: their points, their detection, and their printing."""
