"""How long threads of OpenMP, which torch computes with, wait for one another by spinning.

As libgomp is, they spin for milliseconds: where other programs want the cores too, they hold them up, and
themselves. Two threads beside two busy programs found landmarks in 1.7 images a second; spinning for but
10,000 turns, in 6.8. On a quiet machine both make 20.
"""

from __future__ import annotations

import os

SPIN = {"GOMP_SPINCOUNT": "10000"}
"""Has to be in the environment before torch is loaded."""


def spin_briefly() -> None:
    """Let threads of this process spin briefly, unless the user's environment says something of it."""
    if "OMP_WAIT_POLICY" not in os.environ:
        for name, value in SPIN.items():
            os.environ.setdefault(name, value)
