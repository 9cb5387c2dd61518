"""Measuring landmarks: labelled faces, errors, the calibration of sigma, translation to a set's labels."""
