"""Frames in: numbered images and movies, behind one interface."""
