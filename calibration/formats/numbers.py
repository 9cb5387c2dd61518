"""Numbers out of files that other programs and people wrote: finite, of a shape, not absurdly large."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from calibration.errors import InputError
from calibration.formats.fields import image_size

Array = NDArray[np.float64]

LARGEST = 1e9
"""No pixel, metre or lens coefficient is beyond it; what is would overflow further on."""

_ROTATION_TOLERANCE = 1e-3


def numbers(value: object, shape: tuple[int, ...], label: str, where: str) -> Array:
    """A field as an array of the shape; -1 in the shape is any length.

    Raises:
        InputError: naming the field where it is missing, has another shape, or holds what is no number.
    """
    if value is None:
        raise InputError(f"{label} is missing", where=where)
    wanted = " x ".join("n" if side < 0 else str(side) for side in shape)
    problem = InputError(f"{label} must be {wanted} numbers", where=where)
    try:
        array = np.asarray(value)
        if array.size and array.dtype.kind not in "iuf":
            raise problem
        array = array.astype(np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise problem from error
    matches = len(shape) == array.ndim and all(
        want in (-1, have) for want, have in zip(shape, array.shape, strict=True)
    )
    if not matches:
        raise problem
    if not np.all(np.abs(array) <= LARGEST):
        raise InputError(f"{label} holds a number that is not finite or far too large", where=where)
    return array


def number(text: str, label: str, where: str) -> float:
    """A word of a text file as a number.

    Raises:
        InputError: naming the field where it is none.
    """
    try:
        value = float(text)
    except ValueError as error:
        raise InputError(f"{label} is {text!r}, which is no number", where=where) from error
    return float(numbers(value, (), label, where))


def size_pair(value: object, where: str) -> tuple[int, int]:
    """An image size that is written as a list `[width, height]`; errors as of `image_size`."""
    width, height = value if isinstance(value, list) and len(value) == 2 else (None, None)
    return image_size(width, height, where)


def rotation(matrix: Array, label: str, where: str) -> Array:
    """The rotation (3, 3) nearest to a matrix that was rounded when it was written.

    Raises:
        InputError: where the matrix is no rotation, not even roughly, or mirrors.
    """
    if not np.allclose(matrix @ matrix.T, np.eye(3), atol=_ROTATION_TOLERANCE):
        raise InputError(f"{label} is not a rotation", where=where)
    if np.linalg.det(matrix) < 0:
        raise InputError(f"{label} mirrors: it is not a rotation but has an axis turned round", where=where)
    left, _, right = np.linalg.svd(matrix)
    return np.asarray(left @ right)
