"""The head of a take as surfaces to draw: clay, with glossy eyes, teeth and single lashes."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from detector.synthetic.eye_shade import between_lids
from detector.synthetic.lashes import Lashes
from detector.synthetic.occlusion import ambient_occlusion
from detector.synthetic.surfaces import Floats, Kind, Surface
from detector.synthetic.viewpoint import HeadFrame
from fitting.head_model import HeadModel
from fitting.head_traits import MAKEHUMAN
from fitting.performance import Performance
from fitting.vertex_normals import vertex_normals
from pipeline.export.options import ExportOptions
from pipeline.export.scene import ExportScene, build_scene
from pipeline.preview.bust import Bust, cut_at_neck
from pipeline.preview.pieces import CLAY, Piece, cut

Float = NDArray[np.float64]
Int = NDArray[np.int64]

_LASH = (0.02, 0.014, 0.012)
_JAW = "jawOpen"
_OPEN = 0.55
"""jawOpen at which the open mouth's occlusion is baked."""
_NO_LIDS = (0.5, 0.3, 0.0, 0.85)
"""Shade of eyes whose lids are not known: distances from the lids and the corners, and the open light."""


@dataclass(frozen=True, eq=False)
class Moment:
    """A head to be drawn.

    Attributes:
        vertices: (V, 3) metres, +Y up, the face along +Z where it looks ahead.
        skull: (3, 3) its rotation.
        jaw: how far the mouth is open, 0 to 1.
    """

    vertices: Float
    skull: Float
    jaw: float


class Figure:
    """The head of one take in clay; what stays from frame to frame is made once."""

    def __init__(self, performance: Performance, model: HeadModel, options: ExportOptions) -> None:
        """Cut the head into pieces and bake what light reaches them.

        Args:
            performance: to draw. model: that it was fitted with.
            options: motion, subdivision, parts and topology count; units and axes must be the default ones.

        Raises:
            UsageError: the head has no such part, or the topology does not lie on this head model.
        """
        self.scene = build_scene(performance, model, options)
        self._model = model
        ours = model.traits.name == MAKEHUMAN and options.topology is None
        mean = _mean_head(performance, model, options) if ours else None
        triangles = self.scene.surface.triangles
        self._bust = cut_at_neck(self.scene.skin.vertices, triangles)
        self._triangles = triangles[self._bust.kept]
        self._pieces = cut(self.scene, self._bust, mean)
        source = self.scene.surface.source
        self._own = np.flatnonzero(source >= 0)
        self._complete = ours and len(np.unique(source[self._own])) == len(model.mean)
        self._lashes = Lashes(model) if self._complete else None
        self._shut, self._opened = self._baked()
        self._upright = _upright(self.scene)

    def neutral(self) -> Moment:
        """The actor's neutral face."""
        return Moment(self.scene.skin.vertices, np.eye(3), 0.0)

    def frame(self, position: int) -> Moment:
        """A frame by its position 0 to F - 1, moved so that the take's mean head looks straight ahead."""
        turn, shift = self._upright
        names = self.scene.expression_names
        jaw = self.scene.weights[position, names.index(_JAW)] if _JAW in names else 0.0
        skull = turn @ _skulls(self.scene)[position].as_matrix()
        return Moment(self.scene.posed(position) @ turn.T + shift, skull, float(np.clip(jaw, 0.0, 1.0)))

    def surfaces(self, moment: Moment) -> list[Surface]:
        """What is to be drawn of a moment."""
        own = self._model_vertices(moment) if self._complete else None
        moment = replace(moment, vertices=self._bust.slide @ moment.vertices)
        normals = vertex_normals(moment.vertices, self._triangles)
        made = [self._surface(piece, moment, normals, own) for piece in self._pieces]
        if len(self._bust.rim):
            made.append(_lid(self._bust, moment.vertices))
        if self._lashes is not None and own is not None:
            made.append(self._lashes.build(own.astype(np.float32), _LASH, 1.0, 1.3))
        return made

    def _surface(self, piece: Piece, moment: Moment, normals: Float, own: Float | None) -> Surface:
        positions = moment.vertices[piece.source]
        tint = np.zeros((len(positions), 4), np.float32)
        if piece.material.kind is Kind.EYE:
            tint[:] = _NO_LIDS if own is None else self._lid_shade(piece.name, positions, moment.skull, own)
        elif piece.material.kind is Kind.WET:
            tint[:, 0] = 1.0
            tint[:, 3] = _light_inside(self.scene.skin.vertices[piece.source, 2], moment.jaw)
        else:
            share = min(moment.jaw / _OPEN, 1.0)
            tint[:, 3] = (self._shut + (self._opened - self._shut) * share)[piece.source]
        return Surface(
            positions.astype(np.float32),
            normals[piece.source].astype(np.float32),
            piece.triangles,
            piece.material,
            piece.uv,
            tint,
        )

    def _lid_shade(self, eye: str, positions: Float, skull: Float, own: Float) -> Floats:
        ball = own[self._model.parts[eye]].astype(np.float32)
        landmarks = np.asarray(self._model.ibug68.evaluate(own), np.float64)
        frame = HeadFrame(skull, np.zeros(3))
        return between_lids(eye, positions.astype(np.float32), ball, landmarks, frame)

    def _model_vertices(self, moment: Moment) -> Float:
        """The head model's own vertices of a moment, in its order."""
        own = np.empty((len(self._model.mean), 3))
        own[self.scene.surface.source[self._own]] = moment.vertices[self._own]
        return own

    def _baked(self) -> tuple[Float, Float]:
        """How much light reaches each vertex (V,), with the mouth shut and open."""
        scene = self.scene
        shut = _occlusion(scene, scene.skin.vertices)
        if _JAW not in scene.expression_names:
            return shut, shut
        drop = scene.skin.expressions[scene.expression_names.index(_JAW)]
        return shut, _occlusion(scene, scene.skin.vertices + _OPEN * drop)


def _lid(bust: Bust, slid: Float) -> Surface:
    """What closes the neck where it is cut."""
    positions, normals, triangles = bust.lid(slid)
    tint = np.tile(np.array([0.0, 0.0, 0.0, 1.0], np.float32), (len(positions), 1))
    return Surface(positions.astype(np.float32), normals.astype(np.float32), triangles, CLAY, None, tint)


def _occlusion(scene: ExportScene, vertices: Float) -> Float:
    surface = scene.surface
    covers = surface.triangles[surface.part_of_triangle != "lashes"]
    raw = ambient_occlusion(
        vertices, vertex_normals(vertices, surface.triangles), covers, np.random.default_rng(0)
    )
    return np.asarray(np.clip(raw * 1.08, 0.0, 1.0) ** 0.9)


def _light_inside(depth: Float, jaw: float) -> Float:
    """Light (n,) on teeth and tongue at a depth (n,) in metres along the face's axis."""
    t = np.clip((depth + 0.02) / 0.036, 0.0, 1.0)
    return (0.8 + 0.15 * min(jaw / _OPEN, 1.0)) * (0.12 + 0.88 * t * t * (3.0 - 2.0 * t))


def _mean_head(performance: Performance, model: HeadModel, options: ExportOptions) -> Float:
    """The scene's vertices on the mean head of the model."""
    mean = replace(performance, identity=np.zeros_like(performance.identity), personal_shape=None)
    return build_scene(mean, model, options).skin.vertices


def _skulls(scene: ExportScene) -> Rotation:
    """The skull's rotation in each frame: the neck's and the head's against it."""
    neck, head = scene.rotations[:, 0], scene.rotations[:, 1]
    return Rotation.from_rotvec(neck) * Rotation.from_rotvec(head)


def _upright(scene: ExportScene) -> tuple[Float, Float]:
    """Rotation (3, 3) and shift (3,) that take the skull's mean place in the take to its place at rest."""
    skulls, rest = _skulls(scene), scene.skin.joints
    turn = skulls.mean().inv().as_matrix()
    necks = Rotation.from_rotvec(scene.rotations[:, 0])
    place = (scene.root + necks.apply(rest[1] - rest[0])).mean(axis=0)
    return turn, rest[1] - turn @ place
