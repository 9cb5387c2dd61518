"""Light: an environment in spherical harmonics and up to two lamps that cast shadows.

The environment is a random radiance over the sphere (sky, ground, windows, walls), projected on
second-order harmonics and convolved with the cosine (Ramamoorthi and Hanrahan 2001).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from detector.synthetic.surfaces import KeyLight, Light

Array = NDArray[np.float64]
Scene = Callable[[Array, Array, np.random.Generator], tuple[Array, list[KeyLight]]]

_COSINE_BANDS = np.array([1.0, 2 / 3, 2 / 3, 2 / 3, 0.25, 0.25, 0.25, 0.25, 0.25])
"""Cosine lobe / pi per harmonic."""

MIDDLE_GREY_SKIN = 0.30
"""Linear albedo of the skin that exposure is set for; darker and lighter skin come out so."""


def draw_light(
    facing: Array, to_camera: Array, rng: np.random.Generator, scene: Scene | None = None
) -> Light:
    """Random light on a head.

    Args:
        facing: (3,) unit vector out of the face. to_camera: (3,) unit vector towards the camera.
        rng: the source of chance.
        scene: the kind of light, such as :func:`ring_light`; None draws one.

    Returns:
        The light, exposed so that what the camera sees of a mid-toned face is neither black nor burnt out
        (but sometimes close to it).
    """
    if scene is None:
        shares = np.array([share for share, _ in SCENES])
        scene = SCENES[rng.choice(len(SCENES), p=shares / shares.sum())][1]
    environment, keys = scene(facing, to_camera, rng)
    tint = white_balance(rng)
    environment = environment * tint
    keys = [KeyLight(key.direction, key.power * tint, key.size) for key in keys[:2]]
    light = Light(tuple(keys), environment, filmic=float(rng.uniform(0.2, 1.0)))
    target = float(np.exp(rng.normal(np.log(0.31), 0.30)))
    exposure = target / max(_brightness(light, facing, to_camera) * MIDDLE_GREY_SKIN, 1e-4)
    return Light(light.keys, light.environment, exposure, light.filmic)


def project_environment(radiance: Callable[[Array], Array]) -> Array:
    """Irradiance / pi (9, 3) in the basis of the shader, of a radiance function (N, 3) -> (N, 3)."""
    directions = _sphere(600)
    values = radiance(directions)
    basis = _basis(directions)
    # Harmonics are orthogonal: each coefficient is <L, Y> / <Y, Y>, means over the sphere.
    norms = np.mean(basis * basis, axis=0)
    coefficients: Array = (basis.T @ values) / len(directions) / norms[:, None]
    return np.asarray(coefficients * _COSINE_BANDS[:, None])


def irradiance(environment: Array, normals: Array) -> Array:
    """Irradiance / pi (N, 3) on unit normals (N, 3); the slow twin of the shader's function."""
    return np.asarray(np.maximum(_basis(normals) @ environment, 0.0))


def white_balance(rng: np.random.Generator) -> Array:
    """(3,) linear RGB gains of an imperfect white balance."""
    warm = rng.normal(0.04, 0.09) if rng.random() < 0.88 else rng.normal(0.08, 0.28)
    green = rng.normal(0.0, 0.03)
    gains = np.exp(np.array([warm, green, -warm]))
    return np.asarray(gains / gains.mean())


def _basis(n: Array) -> Array:
    x, y, z = n.T
    one = np.ones_like(x)
    return np.stack([one, y, z, x, x * y, y * z, 3 * z * z - 1, x * z, x * x - y * y], axis=1)


def _sphere(count: int) -> Array:
    i = np.arange(count) + 0.5
    y = 1 - 2 * i / count
    r = np.sqrt(1 - y * y)
    a = i * np.pi * (3 - np.sqrt(5))
    return np.stack([r * np.cos(a), y, r * np.sin(a)], axis=1)


def _brightness(light: Light, facing: Array, to_camera: Array) -> float:
    normals = _sphere(200)
    seen = (normals @ to_camera > 0.25) & (normals @ facing > 0.1)
    if not seen.any():
        seen = normals @ to_camera > 0.4
    total = irradiance(light.environment, normals[seen])
    for key in light.keys:
        total = total + np.maximum(normals[seen] @ key.direction, 0.0)[:, None] * key.power
    # A camera protects highlights: the bright part of the face counts more than its mean.
    value = total @ np.array([0.25, 0.65, 0.10])
    return float(0.5 * value.mean() + 0.5 * np.quantile(value, 0.85))


def _colour(rng: np.random.Generator, saturation: float) -> Array:
    colour = 1.0 + saturation * rng.uniform(-1.0, 1.0, 3)
    return np.asarray(colour / colour.mean())


def _kelvin(warmth: float) -> Array:
    """(3,) linear RGB of a light; warmth -1 is blue sky, 0 white, 1 tungsten."""
    colour = np.array([1.0 + 0.55 * warmth, 1.0, 1.0 - 0.6 * warmth])
    return np.asarray(np.maximum(colour, 0.08) / colour.mean())


def _around(axis: Array, degrees: float, rng: np.random.Generator) -> Array:
    """A unit vector (3,) within some degrees of an axis, rather from above than from below."""
    axis = axis / np.linalg.norm(axis)
    for _ in range(8):
        offset = rng.normal(size=3)
        offset -= axis * (offset @ axis)
        offset /= np.linalg.norm(offset)
        angle = np.deg2rad(degrees) * np.sqrt(rng.random())
        direction = np.cos(angle) * axis + np.sin(angle) * offset
        if direction[1] > -0.15 or rng.random() < 0.2:
            break
    return np.asarray(direction)


def _room(rng: np.random.Generator, level: float, contrast: float, saturation: float) -> Array:
    """An environment: two tones above and below, and some windows or walls."""
    above, below = _colour(rng, saturation) * level, _colour(rng, saturation) * level
    above, below = above * (1 + contrast * rng.random()), below * (1 - 0.6 * contrast * rng.random())
    patches = []
    for _ in range(rng.integers(0, 5)):
        axis = rng.normal(size=3)
        axis[1] = abs(axis[1]) * 0.7
        strength = level * contrast * rng.gamma(2.0, 1.5)
        patches.append((axis / np.linalg.norm(axis), strength * _colour(rng, saturation), rng.uniform(2, 14)))

    def radiance(d: Array) -> Array:
        up = (0.5 + 0.5 * np.tanh(2.5 * d[:, 1]))[:, None]
        total = up * above + (1 - up) * below
        for axis, colour, focus in patches:
            total = total + np.exp(focus * (d @ axis - 1.0))[:, None] * colour
        return total

    return project_environment(radiance)


def _studio(facing: Array, to_camera: Array, rng: np.random.Generator) -> tuple[Array, list[KeyLight]]:
    flat = rng.random() < 0.35
    level = rng.uniform(0.4, 0.8) if flat else rng.uniform(0.06, 0.3)
    environment = _room(rng, level, 0.5 if flat else 1.0, 0.04)
    count = 2 if rng.random() < 0.6 else 1
    keys = []
    for i in range(count):
        direction = _around(facing if rng.random() < 0.7 else to_camera, 65.0 if i == 0 else 110.0, rng)
        power = _kelvin(rng.normal(0.0, 0.06)) * rng.uniform(0.4, 1.0) * (1.0 if i == 0 else 0.5)
        keys.append(KeyLight(direction, power, float(rng.uniform(0.1, 0.45))))
    return environment, keys


def _sun(facing: Array, to_camera: Array, rng: np.random.Generator) -> tuple[Array, list[KeyLight]]:
    environment = _room(rng, rng.uniform(0.08, 0.35), 1.2, 0.08)
    environment *= _kelvin(rng.uniform(-0.45, 0.1))
    direction = _around(np.array([0.0, 0.8, 0.0]) + 0.6 * facing, 85.0, rng)
    direction[1] = abs(direction[1]) + 0.15
    power = _kelvin(rng.uniform(0.0, 0.5)) * rng.uniform(0.7, 1.6)
    return environment, [
        KeyLight(direction / np.linalg.norm(direction), power, float(rng.uniform(0.01, 0.05)))
    ]


def _overcast(facing: Array, to_camera: Array, rng: np.random.Generator) -> tuple[Array, list[KeyLight]]:
    environment = _room(rng, rng.uniform(0.6, 1.0), 1.2, 0.06) * _kelvin(rng.uniform(-0.3, 0.1))
    direction = _around(np.array([0.0, 1.0, 0.0]), 60.0, rng)
    return environment, [KeyLight(direction, np.full(3, rng.uniform(0.2, 0.9)), 0.45)]


def _indoor(facing: Array, to_camera: Array, rng: np.random.Generator) -> tuple[Array, list[KeyLight]]:
    environment = _room(rng, rng.uniform(0.08, 0.35), 1.8, 0.18) * _kelvin(rng.uniform(-0.2, 0.7))
    keys = []
    for _ in range(rng.integers(1, 3)):
        direction = _around(np.array([0.0, 0.6, 0.0]) + 0.8 * facing, 100.0, rng)
        power = _kelvin(rng.uniform(-0.35, 0.8)) * rng.uniform(0.15, 0.9)
        keys.append(KeyLight(direction, power, float(rng.uniform(0.05, 0.35))))
    return environment, keys


def _flash(facing: Array, to_camera: Array, rng: np.random.Generator) -> tuple[Array, list[KeyLight]]:
    environment = _room(rng, rng.uniform(0.04, 0.2), 1.0, 0.15) * _kelvin(rng.uniform(0.0, 0.7))
    direction = _around(to_camera, 9.0, rng)
    return environment, [KeyLight(direction, np.full(3, 1.0), float(rng.uniform(0.02, 0.06)))]


def _low_key(facing: Array, to_camera: Array, rng: np.random.Generator) -> tuple[Array, list[KeyLight]]:
    environment = _room(rng, rng.uniform(0.02, 0.1), 0.8, 0.15)
    side = np.cross(facing, [0.0, 1.0, 0.0]) * rng.choice([-1.0, 1.0])
    direction = _around(side * 0.8 + facing * rng.uniform(-0.3, 0.7) + np.array([0.0, 0.4, 0.0]), 35.0, rng)
    keys = [KeyLight(direction, _kelvin(rng.uniform(-0.2, 0.6)), 0.12)]
    if rng.random() < 0.5:
        rim = -facing + np.array([0.0, 0.6, 0.0]) - side * 0.6
        keys.append(
            KeyLight(rim / np.linalg.norm(rim), _kelvin(rng.normal(0.0, 0.3)) * rng.uniform(0.4, 1.5), 0.1)
        )
    return environment, keys


def _coloured(facing: Array, to_camera: Array, rng: np.random.Generator) -> tuple[Array, list[KeyLight]]:
    environment = _room(rng, rng.uniform(0.1, 0.4), 1.5, 0.6)
    keys = []
    for _ in range(rng.integers(1, 3)):
        direction = _around(facing, 100.0, rng)
        keys.append(
            KeyLight(direction, _colour(rng, 0.8) * rng.uniform(0.3, 1.0), float(rng.uniform(0.03, 0.3)))
        )
    return environment, keys


def ring_light(facing: Array, to_camera: Array, rng: np.random.Generator) -> tuple[Array, list[KeyLight]]:
    """The lamps round the lens of a helmet camera, in a room that is lit a little or well."""
    environment = _room(rng, rng.uniform(0.05, 0.5), 0.8, 0.06)
    size = float(rng.uniform(0.15, 0.4))
    return environment, [KeyLight(_around(to_camera, 10.0, rng), np.full(3, rng.uniform(0.5, 1.0)), size)]


SCENES: tuple[tuple[float, Scene], ...] = (
    (0.20, _studio),
    (0.20, _sun),
    (0.14, _overcast),
    (0.24, _indoor),
    (0.13, _flash),
    (0.06, _low_key),
    (0.03, _coloured),
)
