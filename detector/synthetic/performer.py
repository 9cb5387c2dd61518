"""Who is seen and what the face does: random identities, plausible expressions, gaze and posture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from detector.synthetic.expression_library import CapturedMoment, ExpressionLibrary
from detector.synthetic.eyelids import close_lids, draw_closure, shut_share
from detector.synthetic.lip_seal import meet_lips
from detector.synthetic.moods import MOODS, STRENGTH, STRONGEST, Weights
from fitting.head_model import HeadModel

Array = NDArray[np.float64]

CAPTURED_SHARE = 0.5
"""Share of the moments that are of the library; the others are moods, which no library has all of."""
GAZE_LIMIT = np.deg2rad(28.0)
LID_FULL_TURN = np.deg2rad(28.0)
"""Gaze angle at which an eyeLook shape is fully on."""

EXCLUDED_FROM_NOISE = ("eyeLook", "tongueOut", "eyeBlink", "eyeSquint", "jawOpen")


@dataclass(frozen=True, eq=False)
class Performer:
    """One person in one moment.

    Attributes:
        identity: (B,) standard deviations.
        expression: (E,) not negative; a strong expression goes beyond 1.
        pose: (15,) see :meth:`fitting.head_model.SkinnedPoints.forward`.
    """

    identity: Array
    expression: Array
    pose: Array


def draw_performer(
    model: HeadModel, rng: np.random.Generator, library: ExpressionLibrary | None = None
) -> Performer:
    """A random person in a random moment; some of the moments are of a library, if there is one."""
    spread = rng.uniform(0.7, 1.25)
    identity = model.sample_identity(1, rng, spread)[0].numpy().astype(np.float64)
    if library is not None and rng.random() < CAPTURED_SHARE:
        moment = library.draw(rng)
        gaze = np.clip(moment.gaze, -GAZE_LIMIT, GAZE_LIMIT)
        expression = captured_expression(model.expression_names, moment)
        closure = shut_share(model, expression)
    else:
        gaze = draw_gaze(rng)
        expression = draw_expression(model.expression_names, gaze, rng)
        closure = None
    expression = meet_lips(model, identity, expression, rng)
    expression = close_lids(model, identity, expression, draw_closure(rng) if closure is None else closure)
    return Performer(identity, expression, draw_pose(gaze, rng))


def captured_expression(names: tuple[str, ...], moment: CapturedMoment) -> Array:
    """Weights (E,) of a captured moment, with lids that follow the gaze at least as far as it looks."""
    values = moment.weights | {
        name: max(moment.weights.get(name, 0.0), value) for name, value in lid_weights(moment.gaze).items()
    }
    return np.asarray(np.clip([values.get(name, 0.0) for name in names], 0.0, STRONGEST))


def draw_gaze(rng: np.random.Generator) -> Array:
    """Yaw and pitch (2,) of both eyes in radians: +yaw towards the actor's left, +pitch downwards."""
    if rng.random() < 0.75:
        gaze = rng.normal(0.0, np.deg2rad([9.0, 5.0]))
    else:
        gaze = rng.uniform(-GAZE_LIMIT, GAZE_LIMIT, 2) * np.array([1.0, 0.8])
    return np.clip(gaze, -GAZE_LIMIT, GAZE_LIMIT)


def draw_pose(gaze: Array, rng: np.random.Generator) -> Array:
    """Pose (15,): torso upright near the origin, the gaze (2,) in both eyes, slightly converged."""
    limits = np.deg2rad([12.0, 18.0, 9.0])
    neck = Rotation.from_euler("xyz", rng.normal(0.0, 0.4, 3) * limits).as_rotvec()
    head = Rotation.from_euler("xyz", np.clip(rng.normal(0.0, 0.6, 3), -1.4, 1.4) * limits).as_rotvec()
    vergence = rng.uniform(0.0, np.deg2rad(4.0))
    eyes = [eye_rotation(gaze + np.array([side * vergence, 0.0])) for side in (-1.0, 1.0)]
    return np.concatenate([neck, head, *eyes, rng.normal(0.0, 0.01, 3)])


def eye_rotation(gaze: Array) -> Array:
    """Rotation vector (3,) that turns an eye by yaw and pitch (2,) in radians."""
    return np.asarray(Rotation.from_euler("yx", gaze).as_rotvec())


def draw_expression(names: tuple[str, ...], gaze: Array, rng: np.random.Generator) -> Array:
    """Expression weights (E,) up to `STRONGEST`: a mood, lids that follow the gaze, some noise."""
    values = dict.fromkeys(names, 0.0)
    if rng.random() < 0.08:
        _add_unrelated(values, rng)
    else:
        shares = np.array([share for share, _ in MOODS.values()])
        mood = list(MOODS)[rng.choice(len(MOODS), p=shares / shares.sum())]
        _add_mood(values, MOODS[mood][1], rng)
    _add_noise(values, rng)
    _add_alertness(values, rng)
    _add_sideways(values, rng)
    for name, value in lid_weights(gaze).items():
        values[name] = max(values[name], value)
    # Lips that close against a jaw which is not open would pass each other.
    values["mouthClose"] = min(values["mouthClose"], 0.8 * values["jawOpen"])
    return np.asarray(np.clip([values[name] for name in names], 0.0, STRONGEST))


def lid_weights(gaze: Array) -> dict[str, float]:
    """The eyeLook weights by which the lids follow a gaze (2,) yaw and pitch in radians."""
    yaw, pitch = gaze / LID_FULL_TURN
    weights = {}
    for side, out in (("Left", yaw), ("Right", -yaw)):
        weights[f"eyeLookOut{side}"] = max(0.0, out)
        weights[f"eyeLookIn{side}"] = max(0.0, -out)
        weights[f"eyeLookDown{side}"] = max(0.0, pitch)
        weights[f"eyeLookUp{side}"] = max(0.0, -pitch)
    return {name: float(min(value, 1.0)) for name, value in weights.items()}


def _add_mood(values: dict[str, float], actions: Weights, rng: np.random.Generator) -> None:
    strength = rng.uniform(*STRENGTH)
    for action, (low, high) in actions.items():
        both = rng.uniform(low, high) * strength
        if action in values:
            values[action] += both
            continue
        skew = rng.normal(0.0, 0.1) if rng.random() < 0.85 else rng.normal(0.0, 0.4)
        values[f"{action}Left"] += both * (1.0 + skew)
        values[f"{action}Right"] += both * (1.0 - skew)


def _add_unrelated(values: dict[str, float], rng: np.random.Generator) -> None:
    names = [name for name in values if not name.startswith("eyeLook")]
    for name in rng.choice(names, rng.integers(3, 10), replace=False):
        values[str(name)] = rng.beta(1.2, 1.6)


def _add_noise(values: dict[str, float], rng: np.random.Generator) -> None:
    for name in values:
        if not name.startswith(EXCLUDED_FROM_NOISE) and rng.random() < 0.15:
            values[name] += rng.beta(1.0, 5.0) * 0.6
    if rng.random() < 0.3:
        values["jawOpen"] += rng.beta(1.0, 5.0) * 0.5


def _add_alertness(values: dict[str, float], rng: np.random.Generator) -> None:
    # Who is photographed looks up: eyes are a little wider open than at rest.
    alert = rng.uniform(0.0, 0.5)
    for side in ("Left", "Right"):
        values[f"eyeWide{side}"] += alert * (1.0 - min(values[f"eyeSquint{side}"], 1.0))


def _add_sideways(values: dict[str, float], rng: np.random.Generator) -> None:
    # Opposites never act at once.
    for left, right in (("jawLeft", "jawRight"), ("mouthLeft", "mouthRight")):
        values[left] = values[right] = 0.0
        if rng.random() < 0.15:
            values[left if rng.random() < 0.5 else right] = rng.beta(1.2, 3.0)
