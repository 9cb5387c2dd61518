"""What the literature measures the errors of landmarks in."""

from __future__ import annotations

OUTER_EYES = (36, 45)
"""The outer corners of the eyes in the 68 landmarks of 300-W: their distance is the unit of errors."""
