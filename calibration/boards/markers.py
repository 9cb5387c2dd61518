"""The dictionaries of square markers that boards are made with, by the names that OpenCV gives them."""

from __future__ import annotations

import cv2

from calibration.errors import UsageError

DICTIONARIES = {
    **{f"{bits}X{bits}_{count}": count for bits in (4, 5, 6, 7) for count in (50, 100, 250, 1000)},
    "ARUCO_ORIGINAL": 1024,
    "ARUCO_MIP_36h12": 250,
    "APRILTAG_16h5": 30,
    "APRILTAG_25h9": 35,
    "APRILTAG_36h10": 2320,
    "APRILTAG_36h11": 587,
}
"""How many markers each dictionary has."""


def dictionary(name: str) -> cv2.aruco.Dictionary:
    """A dictionary by its name, such as ``5X5_100``; OpenCV's ``DICT_`` before it and its case do not matter.

    Raises:
        UsageError: there is none of that name; the known ones are listed.
    """
    plain = name.upper().removeprefix("DICT_")
    known = {known.upper(): known for known in DICTIONARIES}
    if plain not in known:
        raise UsageError(
            f"there is no dictionary of markers {name!r}", fix=f"Use one of: {', '.join(DICTIONARIES)}"
        )
    return cv2.aruco.getPredefinedDictionary(int(getattr(cv2.aruco, f"DICT_{known[plain]}")))
