"""What the renderer draws: surfaces with their materials, plain arrays that know nothing of OpenGL."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Pixels = NDArray[np.uint8]


class Kind(IntEnum):
    """How a surface answers to light; the numbers are those of `shaders/mesh.frag`."""

    BACKDROP = 0
    SKIN = 1
    EYE = 2
    WET = 3
    STRANDS = 4
    SOLID = 5
    GLASS = 6
    FLAT = 7


@dataclass(frozen=True, eq=False)
class Material:
    """The look of a surface.

    Attributes:
        kind: the shading that it gets.
        colour: linear RGB that multiplies the texture and the vertex tint.
        opacity: 1 for all but glass.
        roughness: 0 (mirror) to 1.
        specular: scale of the highlights, 1 is physical.
        texture: (H, W, 3) sRGB image, row 0 on top, or None.
        normal_map: (H, W, 3) tangent-space normals (OpenGL), or None.
        lines: (H, W, 3) lines of the expression, see :func:`expression_lines.draw_lines`, or None.
        bump: scale of the normal map.
        scatter: light under the surface, 1 is skin.
        fine: strands that let shine through what they are too thin to cover; drawn after what they lie on.
        cap_colour: linear RGB where the vertex tint says that hair has its roots.
    """

    kind: Kind
    colour: tuple[float, float, float] = (1.0, 1.0, 1.0)
    opacity: float = 1.0
    roughness: float = 0.5
    specular: float = 1.0
    texture: Pixels | None = None
    normal_map: Pixels | None = None
    lines: Pixels | None = None
    bump: float = 1.0
    scatter: float = 0.0
    fine: bool = False
    cap_colour: tuple[float, float, float] = (0.0, 0.0, 0.0)


@dataclass(frozen=True, eq=False)
class Surface:
    """Triangles with a material, in world metres.

    Attributes:
        positions: (N, 3) float32.
        normals: (N, 3) float32, unit length.
        triangles: (T, 3) int.
        material: its look.
        uv: (N, 2) float32 texture coordinates, v up, or None.
        tint: (N, 4) float32: for skin wetness, hair roots, translucency, ambient occlusion; for all others a
            linear RGB multiplier and ambient occlusion. None is no tint and full light.
        strands: (N, 4) float32 for ribbons: direction and signed half width in metres; None for plain meshes.
    """

    positions: Floats
    normals: Floats
    triangles: NDArray[np.integer]
    material: Material
    uv: Floats | None = None
    tint: Floats | None = None
    strands: Floats | None = None


@dataclass(frozen=True, eq=False)
class KeyLight:
    """A lamp that casts shadows.

    Attributes:
        direction: (3,) unit vector from the subject towards the lamp.
        power: (3,) linear RGB irradiance / pi on a surface that faces it.
        size: tangent of the half angle that the lamp spans: 0.01 is a bare bulb, 0.4 a large softbox.
    """

    direction: NDArray[np.float64]
    power: NDArray[np.float64]
    size: float


@dataclass(frozen=True, eq=False)
class Light:
    """All the light on a scene.

    Attributes:
        keys: one or two lamps with shadows.
        environment: (9, 3) irradiance / pi in the polynomial basis of :mod:`detector.synthetic.lighting`.
        exposure: scale before the tone curve.
        filmic: 0 a plain camera curve, 1 a contrasty film curve.
    """

    keys: tuple[KeyLight, ...]
    environment: NDArray[np.float64]
    exposure: float = 1.0
    filmic: float = 0.5


@dataclass(frozen=True, eq=False)
class Picture:
    """Everything that one rendering needs.

    Attributes:
        surfaces: what is drawn.
        light: the light.
        backdrop: (h, w, 3) uint8 sRGB image that fills the frame behind everything, or None for black.
        centre: (3,) the point that shadows are computed around, in metres.
        reach: half size of the shadowed volume in metres.
    """

    surfaces: tuple[Surface, ...]
    light: Light
    backdrop: Pixels | None = None
    centre: NDArray[np.float64] = field(default_factory=lambda: np.zeros(3))
    reach: float = 0.32
