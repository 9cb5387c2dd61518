"""Exit statuses that are no errors, as farm managers read them."""

from __future__ import annotations

DONE = 0
PARTIAL = 4
"""Some frames, cameras or shoots failed."""
