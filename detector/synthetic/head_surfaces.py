"""The head as surfaces to draw: skin, eyes, teeth, tongue and lashes with their materials and occlusion."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from detector.synthetic.expression_lines import ExpressionFolds, draw_lines
from detector.synthetic.eye_shade import between_lids
from detector.synthetic.head_mesh import HeadMesh
from detector.synthetic.lashes import Lashes
from detector.synthetic.occlusion import ambient_occlusion
from detector.synthetic.skin_source import HeadTextures
from detector.synthetic.surfaces import Floats, Kind, Material, Surface
from detector.synthetic.teeth_paint import teeth_uv, tongue_uv
from detector.synthetic.texture_layout import eye_uv, skin_uv
from detector.synthetic.texture_maps import skin_maps
from detector.synthetic.viewpoint import HeadFrame
from fitting.head_model import HeadModel

Array = NDArray[np.float64]

MOUTH_OPEN = 0.55
"""jawOpen at which the open mouth's occlusion is baked."""
LINES_WIDTH = 512
"""Of the image of expression lines, in texels."""


@dataclass(frozen=True, eq=False)
class PosedHead:
    """A head in the world.

    Attributes:
        vertices: (V, 3) metres.
        positions: (R, 3) refined positions, the first V being the vertices.
        normals: (R, 3) their unit normals.
        jaw_open: how far the jaw is open, 0 to 1.
        lines: (R,) how deep the expression's lines are, 0 to 1.
        frame: where the skull is.
    """

    vertices: Floats
    positions: Floats
    normals: Floats
    jaw_open: float
    lines: Floats
    frame: HeadFrame


class HeadSurfaces:
    """Builds the surfaces of posed heads; what does not change from head to head is made once."""

    def __init__(self, model: HeadModel, mesh: HeadMesh) -> None:
        self._mesh = mesh
        self._model = model
        self._uv = _texture_coordinates(model, mesh)
        self._occlusion = [
            mesh.refine_values(_baked(model, mesh, jaw)[:, None])[:, 0] for jaw in (0.0, MOUTH_OPEN)
        ]
        self._lashes = Lashes(model)
        self._jaw = model.expression_names.index("jawOpen")
        mean = mesh.refine_values(model.assets.mean)
        self._canonical = mean
        skin = mesh.parts["skin"]
        front = mean[skin.source, 2] > -0.09
        low = front & (mean[skin.source, 1] < -0.125) & (mean[skin.source, 1] > -0.16)
        self._neck_uv = self._uv["skin"][low]
        self._translucent = _translucency(mean)
        self._wet = _wetness(model, mean)
        self._folds = ExpressionFolds(model, mean)
        self._lines = draw_lines(skin_maps(model, LINES_WIDTH), np.random.default_rng(0))

    @property
    def canonical(self) -> Floats:
        """(R, 3) refined mean head, metres."""
        return self._canonical

    def vertex_normals(self, vertices: NDArray[np.floating]) -> Floats:
        """Unit normals (V, 3) of the model's vertices (V, 3)."""
        return self._mesh.vertex_normals(vertices)

    def refine_values(self, values: NDArray[np.floating]) -> Floats:
        """Per-vertex values (V, n) to refined vertices (R, n)."""
        return self._mesh.refine_values(values)

    def neck_colour(self, textures: HeadTextures) -> tuple[float, float, float]:
        """Linear RGB of the skin where the neck ends."""
        height, width = textures.skin_albedo.shape[:2]
        column = np.clip((self._neck_uv[:, 0] * width).astype(int), 0, width - 1)
        row = np.clip(((1.0 - self._neck_uv[:, 1]) * height).astype(int), 0, height - 1)
        r, g, b = (float(c) for c in ((textures.skin_albedo[row, column] / 255.0) ** 2.2).mean(axis=0))
        return r, g, b

    def swell(self, vertices: Floats, expression: NDArray[np.floating]) -> Floats:
        """Posed vertices (V, 3) with the flesh that an expression (E,) pushes out or draws in."""
        return vertices + self._mesh.vertex_normals(vertices) * self._folds.swell(expression)[:, None]

    def pose(self, vertices: Floats, expression: NDArray[np.floating], frame: HeadFrame) -> PosedHead:
        """Refine posed vertices (V, 3) of a face with an expression (E,)."""
        positions, normals = self._mesh.refine(vertices)
        jaw, lines = float(expression[self._jaw]), self._folds.depth(expression)
        return PosedHead(vertices, positions, normals, jaw, lines, frame)

    def build(
        self,
        head: PosedHead,
        textures: HeadTextures,
        hair_roots: Floats,
        hair_colour: tuple[float, float, float],
        lash_length: float = 1.0,
        lash_width: float = 1.0,
    ) -> list[Surface]:
        """The surfaces of a head.

        Args:
            head: where it is.
            textures: how it looks.
            hair_roots: (R,) 0 to 1, how much of the scalp's colour is hair.
            hair_colour: linear RGB of those roots.
            lash_length: relative to the model's lashes. lash_width: relative to natural ones.
        """
        opened = min(head.jaw_open / MOUTH_OPEN, 1.0)
        occlusion = self._occlusion[0] * (1 - opened) + self._occlusion[1] * opened
        skin = Material(
            Kind.SKIN,
            roughness=textures.roughness,
            texture=textures.skin_albedo,
            normal_map=textures.skin_normal,
            lines=self._lines,
            scatter=1.0,
            cap_colour=hair_colour,
        )
        # What is wet has no lines: one value holds both.
        wet = np.where(self._wet > 0.0, self._wet, -textures.wrinkling * head.lines)
        tint = np.stack([wet, hair_roots, self._translucent, occlusion], axis=1).astype(np.float32)
        surfaces = [self._part("skin", head, skin, tint)]
        surfaces += self._eyes(head, textures)
        surfaces += self._mouth(head, textures, opened)
        surfaces.append(
            self._lashes.build(head.vertices, _linear(textures.lash_colour), lash_length, lash_width)
        )
        return surfaces

    def _part(self, name: str, head: PosedHead, material: Material, tint: Floats) -> Surface:
        part = self._mesh.parts[name]
        return Surface(
            positions=head.positions[part.source],
            normals=head.normals[part.source],
            triangles=part.triangles,
            material=material,
            uv=self._uv[name],
            tint=tint[part.source],
        )

    def _eyes(self, head: PosedHead, textures: HeadTextures) -> list[Surface]:
        material = Material(Kind.EYE, colour=(0.8, 0.78, 0.76), roughness=0.1, texture=textures.eye_albedo)
        surfaces = []
        landmarks = np.asarray(self._model.ibug68.evaluate(head.vertices.astype(np.float64)), np.float64)
        tint = np.ones((len(head.positions), 4), np.float32)
        for name in ("left_eye", "right_eye"):
            index = np.unique(self._mesh.parts[name].source)
            eye = head.vertices[self._model.parts[name]]
            tint[index] = between_lids(name, head.positions[index], eye, landmarks, head.frame)
            surfaces.append(self._part(name, head, material, tint))
        return surfaces

    def _mouth(self, head: PosedHead, textures: HeadTextures, opened: float) -> list[Surface]:
        surfaces = []
        depth = self._canonical[:, 2]
        inside = (0.8 + 0.15 * opened) * (0.12 + 0.88 * _step(depth, -0.02, 0.016))
        tint = np.zeros((len(depth), 4), np.float32)
        tint[:, 0] = 1.0
        tint[:, 3] = inside
        mouth = textures.mouth
        enamel = Material(
            Kind.WET, roughness=0.3, texture=mouth.teeth, normal_map=mouth.teeth_normal, scatter=0.3
        )
        flesh = Material(
            Kind.WET, roughness=0.45, texture=mouth.tongue, normal_map=mouth.tongue_normal, scatter=0.8
        )
        for name, material in (("upper_teeth", enamel), ("lower_teeth", enamel), ("tongue", flesh)):
            surfaces.append(self._part(name, head, material, tint))
        return surfaces


def _texture_coordinates(model: HeadModel, mesh: HeadMesh) -> dict[str, Floats]:
    """Texture coordinates (N, 2) of each part's corner vertices."""
    skin, eyes = mesh.refine_uv(skin_uv(model)), mesh.refine_uv(eye_uv(model))
    mean = mesh.refine_values(model.assets.mean)
    parts = mesh.parts
    return {
        "skin": skin[parts["skin"].corner],
        "left_eye": eyes[parts["left_eye"].corner],
        "right_eye": eyes[parts["right_eye"].corner],
        "upper_teeth": teeth_uv(mean[parts["upper_teeth"].source], upper=True),
        "lower_teeth": teeth_uv(mean[parts["lower_teeth"].source], upper=False),
        "tongue": tongue_uv(mean[parts["tongue"].source]),
    }


def _baked(model: HeadModel, mesh: HeadMesh, jaw_open: float) -> Array:
    expression = torch.zeros(model.expression_size)
    expression[model.expression_names.index("jawOpen")] = jaw_open
    with torch.no_grad():
        vertices = model.shape(torch.zeros(model.identity_size), expression).numpy().astype(np.float64)
    covers = np.isin(model.triangles, model.parts["lashes"]).any(axis=1)
    normals = mesh.vertex_normals(vertices)
    raw = ambient_occlusion(vertices, normals, model.triangles[~covers], np.random.default_rng(0))
    return np.clip(raw * 1.08, 0.0, 1.0) ** 0.9


def _translucency(canonical: Floats) -> Floats:
    """(R,) how much light passes through: ears, and a little the wings of the nose."""
    x, y, z = np.abs(canonical[:, 0]), canonical[:, 1], canonical[:, 2]
    ear = _step(x, 0.072, 0.079) * _step(-z, 0.05, 0.06) * _step(-y, -0.045, -0.03) * _step(y, -0.075, -0.06)
    nose = _step(z, 0.022, 0.032) * _step(-np.abs(y + 0.043), -0.014, -0.008) * 0.3
    return np.asarray(np.maximum(ear, nose), np.float32)


def _wetness(model: HeadModel, canonical: Floats) -> Floats:
    """(R,) where the skin shines: the lips' inner side and the rims of the lids."""
    outline = np.asarray(model.ibug68.evaluate(model.assets.mean.astype(np.float64)), np.float64)
    lips = _near(canonical, outline[60:68], 0.006) * 0.7
    lids = _near(canonical, outline[36:48], 0.0016) * 0.6
    return np.asarray(np.maximum(lips, lids), np.float32)


def _near(points: Floats, targets: Array, radius: float) -> Floats:
    distance = np.linalg.norm(points[:, None] - targets[None].astype(np.float32), axis=-1).min(axis=1)
    return np.asarray(np.clip(1.0 - distance / radius, 0.0, 1.0), np.float32)


def _linear(colour: tuple[float, float, float]) -> tuple[float, float, float]:
    """sRGB in [0, 1] to linear."""
    r, g, b = (float(c) ** 2.2 for c in colour)
    return r, g, b


def _step(value: NDArray[np.floating], low: float, high: float) -> NDArray[np.floating]:
    t = np.clip((value - low) / (high - low), 0.0, 1.0)
    return np.asarray(t * t * (3.0 - 2.0 * t))
