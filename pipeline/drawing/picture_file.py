"""A picture as a file."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from calibration.errors import UsageError
from calibration.whole_file import whole_file

Image = NDArray[np.uint8]


def write_picture(path: Path, image: Image) -> None:
    """Write an image (H, W, 3) RGB as JPG or PNG, whole or not at all.

    Raises:
        UsageError: the format is not known.
        InputError: the file cannot be written.
    """
    if path.suffix.lower() not in (".jpg", ".jpeg", ".png"):
        raise UsageError(
            f"pictures cannot be written as {path.suffix!r}", where=str(path), fix="Use .jpg or .png"
        )
    _, data = cv2.imencode(path.suffix.lower(), np.ascontiguousarray(image[..., ::-1]))
    with whole_file(path) as partial:
        partial.write_bytes(data.tobytes())
