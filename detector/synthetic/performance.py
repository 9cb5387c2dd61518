"""A short performance of one person: smooth changes between expressions, gazes and head turns."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator
from scipy.spatial.transform import Rotation

from detector.synthetic.performer import Performer, eye_rotation, lid_weights
from fitting.head_model import HeadModel

Array = NDArray[np.float64]
Weights = dict[str, float]

# What happens, at which share of the performance. A name without a side is for both sides.
BEATS: tuple[tuple[float, Weights], ...] = (
    (0.0, {}),
    (0.18, {"jawOpen": 0.35, "mouthFunnel": 0.25, "browInnerUp": 0.25}),
    (0.36, {"mouthSmile": 0.7, "cheekSquint": 0.4}),
    (0.5, {"mouthSmile": 0.35, "jawOpen": 0.25, "mouthUpperUp": 0.3}),
    (0.66, {"jawOpen": 0.6, "browInnerUp": 0.7, "browOuterUp": 0.6, "eyeWide": 0.5}),
    (0.84, {"browDown": 0.7, "mouthPress": 0.4, "noseSneer": 0.3}),
    (1.0, {"mouthPucker": 0.5, "browDown": 0.2}),
)
LOPSIDED = 0.12
"""Nobody is quite symmetric: the right side does this much less."""
BLINK_AT = 0.28
BLINK_WIDTH = 0.05


def perform(model: HeadModel, identity: Array, count: int, rng: np.random.Generator) -> list[Performer]:
    """A performance of `count` frames by one identity (B,)."""
    times = np.linspace(0.0, 1.0, count)
    names = model.expression_names
    keys = np.array([[_weight(beat, name) for name in names] for _, beat in BEATS])
    expressions = PchipInterpolator([at for at, _ in BEATS], keys, axis=0)(times)
    gaze = _wander(times, np.deg2rad([12.0, 5.0]), rng)
    turns = _wander(times, np.deg2rad([5.0, 9.0, 3.0]), rng)
    sway = _wander(times, np.array([0.006, 0.004, 0.006]), rng)
    blink = np.exp(-(((times - BLINK_AT) / BLINK_WIDTH) ** 2))
    performers = []
    for i in range(count):
        weights = dict(zip(names, expressions[i], strict=True))
        for name, value in lid_weights(gaze[i]).items():
            weights[name] = value
        for side in ("Left", "Right"):
            weights[f"eyeBlink{side}"] = float(blink[i])
        eye = eye_rotation(gaze[i])
        head = Rotation.from_euler("xyz", turns[i]).as_rotvec()
        pose = np.concatenate([0.3 * head, 0.7 * head, eye, eye, sway[i]])
        expression = np.clip(np.array([weights[name] for name in names]), 0.0, 1.0)
        performers.append(Performer(identity, expression, pose))
    return performers


def _weight(beat: Weights, name: str) -> float:
    both = beat.get(name.removesuffix("Left").removesuffix("Right"), 0.0)
    return both * (1.0 - LOPSIDED) if name.endswith("Right") else both


def _wander(times: Array, size: Array, rng: np.random.Generator) -> Array:
    """Smooth random motion (F, n) within about `size` (n,) of zero."""
    keys = np.linspace(0.0, 1.0, 6)
    values = rng.uniform(-1.0, 1.0, (len(keys), len(size))) * size
    return np.asarray(PchipInterpolator(keys, values, axis=0)(times))
