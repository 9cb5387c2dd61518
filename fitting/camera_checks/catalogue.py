"""The catalogue of mistakes that are looked for. To add one, write its kind and list it here."""

from __future__ import annotations

from fitting.camera_checks.footage import FOOTAGE
from fitting.camera_checks.hypothesis import Kind
from fitting.camera_checks.lenses import DISTORTION, HALF_PIXELS, INTRINSICS
from fitting.camera_checks.poses import POSES
from fitting.camera_checks.sync import out_of_step
from fitting.camera_checks.undistortion import missing_distortion
from fitting.camera_checks.units import one_in_another_unit

COARSE: tuple[Kind, ...] = (*FOOTAGE, *POSES, one_in_another_unit, *INTRINSICS, *DISTORTION, out_of_step)
"""Mistakes that can make cameras contradict each other."""

FINE: tuple[Kind, ...] = (*INTRINSICS, *DISTORTION, *HALF_PIXELS)
"""Mistakes that may leave no contradiction, but landmarks that agree less well than they could."""

FITTED: tuple[Kind, ...] = (missing_distortion,)
"""Mistakes whose correction has parameters that are found from the landmarks."""
