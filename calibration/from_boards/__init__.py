"""Calibration of a rig from images of a board: lenses, poses, which images do not fit, and a report."""
