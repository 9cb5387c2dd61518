"""Cameras: the camera model, board calibration, formats in and out."""
