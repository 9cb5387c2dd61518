"""Expressions that were captured, for the synthetic engine to draw from (W22 section 4.3.1).

The loop of the paper: capture performances, put their expressions into a library, train on heads that wear
them, capture again with the better network.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from calibration.errors import InputError

Array = NDArray[np.float64]

_MIRRORED = 0.5
_STRENGTH, _JITTER = 0.1, 0.03
_GAZE_JITTER = np.deg2rad(2.0)
_MOVING = 0.02


@dataclass(frozen=True, eq=False)
class CapturedMoment:
    """One frame of a library, as it is to be worn.

    Attributes:
        weights: expression weights by name.
        gaze: yaw and pitch (2,) in radians: +yaw towards the actor's left, +pitch downwards.
    """

    weights: dict[str, float]
    gaze: Array


@dataclass(frozen=True, eq=False)
class ExpressionLibrary:
    """N captured expressions.

    Attributes:
        names: (E,) of the weights, ARKit's.
        expression: (N, E) weights.
        eyes: (N, 2, 3) rotation vectors of the left and right eye in the head's axes, radians.
    """

    names: tuple[str, ...]
    expression: NDArray[np.float32]
    eyes: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.expression)

    @classmethod
    def read(cls, path: Path) -> ExpressionLibrary:
        """Read the NumPy archive of a library, see :meth:`arrays`.

        Raises:
            InputError: it is missing, damaged or empty.
        """
        try:
            with path.open("rb") as file, np.load(file) as data:
                library = cls(tuple(map(str, data["names"])), data["expression"], data["eyes"])
        except (OSError, ValueError, KeyError, BadZipFile, EOFError) as error:
            raise InputError(
                "This is no library of expressions",
                where=str(path),
                fix="Make one with: vultus database sample",
            ) from error
        count, names = len(library), len(library.names)
        if not count or library.expression.shape != (count, names) or library.eyes.shape != (count, 2, 3):
            raise InputError("The library of expressions is empty or damaged", where=str(path))
        return library

    def arrays(self) -> dict[str, NDArray[Any]]:
        """What its archive holds: names (E,), expression (N, E), eyes (N, 2, 3)."""
        return {"names": np.array(self.names), "expression": self.expression, "eyes": self.eyes}

    def draw(self, rng: np.random.Generator) -> CapturedMoment:
        """A frame, as it was or mirrored, a little stronger or weaker, and a little different."""
        at = int(rng.integers(len(self)))
        values = self.expression[at].astype(np.float64)
        moving = values > _MOVING
        values = values * rng.normal(1.0, _STRENGTH)
        values += moving * rng.normal(0.0, _JITTER, len(values))
        gaze = _gaze(self.eyes[at]) + rng.normal(0.0, _GAZE_JITTER, 2)
        weights = dict(zip(self.names, np.clip(values, 0.0, None).tolist(), strict=True))
        if rng.random() < _MIRRORED:
            weights = {mirrored_name(name): value for name, value in weights.items()}
            gaze = gaze * np.array([-1.0, 1.0])
        return CapturedMoment(weights, gaze)


def mirrored_name(name: str) -> str:
    """The shape on the other side of the face; its own name for one without a side.

    >>> mirrored_name("jawLeft"), mirrored_name("eyeBlinkRight"), mirrored_name("jawOpen")
    ('jawRight', 'eyeBlinkLeft', 'jawOpen')
    """
    for side, other in (("Left", "Right"), ("Right", "Left")):
        if name.endswith(side):
            return name.removesuffix(side) + other
    return name


def _gaze(eyes: NDArray[np.float32]) -> Array:
    """Yaw and pitch (2,) of where two eyes (2, 3) look together."""
    angles = Rotation.from_rotvec(eyes.astype(np.float64)).as_euler("YXZ")[:, :2]
    return np.asarray(angles.mean(axis=0))
