"""The synthetic engine: from a seed to a photograph of somebody, with the pixel of every vertex."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from calibration.camera import Camera
from detector.synthetic.background import draw_background
from detector.synthetic.contact import settle
from detector.synthetic.expression_library import ExpressionLibrary
from detector.synthetic.head_mesh import HeadMesh
from detector.synthetic.head_surfaces import HeadSurfaces
from detector.synthetic.lens import render_through_lens
from detector.synthetic.lighting import draw_light, ring_light
from detector.synthetic.performer import Performer, draw_performer
from detector.synthetic.postprocess import develop
from detector.synthetic.renderer import Renderer
from detector.synthetic.surfaces import Floats, Picture, Pixels, Surface
from detector.synthetic.textures import draw_source
from detector.synthetic.viewpoint import HeadFrame, draw_camera, draw_helmet_camera
from detector.synthetic.wardrobe import Costume, Wardrobe
from fitting.head_model import HeadModel, joint_transforms

Array = NDArray[np.float64]

HELMET_SHARE = 0.06
"""Share of the samples that are close-ups of a helmet camera, with its bending lens."""


@dataclass(frozen=True)
class EngineOptions:
    """What the engine draws from.

    Attributes:
        size: side of the samples in pixels.
        supersample: rendered pixels per pixel along a side.
        multisample: whether edges are smoothed; without a GPU, False draws about four times as fast.
        backgrounds: a folder of photographs to use behind some heads; None invents all backgrounds.
        skins: a folder of photographic skins (see :mod:`detector.synthetic.textures`); None invents all.
        expressions: an archive of captured expressions to mix in (see
            :mod:`detector.synthetic.expression_library`); None invents all.
    """

    size: int = 288
    supersample: int = 2
    multisample: bool = True
    backgrounds: Path | None = None
    skins: Path | None = None
    expressions: Path | None = None


@dataclass(frozen=True, eq=False)
class SyntheticSample:
    """A picture and its labels.

    Attributes:
        image: (S, S, 3) uint8 sRGB.
        vertices_px: (V, 2) float32 pixels of all the model's vertices; pixel (0, 0) is the centre of the
            top-left pixel. Vertices outside the picture or hidden have their true positions too.
        depth: (S, S) float32 metres, 0 where only the background is.
        camera: where it was seen from.
        performer: identity, expression and pose.
        vertices: (V, 3) float32 metres, world.
    """

    image: Pixels
    vertices_px: Floats
    depth: Floats
    camera: Camera
    performer: Performer
    vertices: Floats


class SyntheticEngine:
    """Draws samples; the same seed gives the same sample. One engine per process (see the renderer)."""

    def __init__(self, model: HeadModel, options: EngineOptions | None = None) -> None:
        """Prepare what all samples share, and open the renderer.

        Raises:
            MissingDependencyError: OpenGL is not there.
            InputError: a folder or file of the options holds nothing usable.
        """
        self.model = model
        self.options = options or EngineOptions()
        self.renderer = Renderer(self.options.supersample, self.options.multisample)
        self.heads = HeadSurfaces(model, HeadMesh(model))
        self.wardrobe = Wardrobe(model, self.heads, draw_source(self.options.skins, model))
        library = self.options.expressions
        self.library = None if library is None else ExpressionLibrary.read(library)

    def sample(self, seed: int) -> SyntheticSample:
        """The sample of a seed. Neighbouring seeds share some costumes, which makes them quicker to draw."""
        rng = np.random.default_rng([seed, 0x5EED])
        performer = draw_performer(self.model, rng, self.library)
        vertices, frames = pose_head(self.model, performer)
        vertices = settle(self.model, self.heads.swell(vertices, performer.expression), frames[1])
        helmet = bool(rng.random() < HELMET_SHARE)
        camera = (draw_helmet_camera if helmet else draw_camera)(frames[1], self.options.size, rng)
        distance = float(np.linalg.norm(camera.centre - frames[1].centre))
        pixel = distance / (float(camera.focal[1]) * self.options.supersample)
        costume = self.wardrobe.draw(seed, rng, helmet)
        surfaces = self._dress(costume, performer, vertices, frames, pixel)
        image, depth = self._photograph(surfaces, frames[1], camera, helmet, rng)
        pixels = camera.project(vertices).astype(np.float32)
        return SyntheticSample(image, pixels, depth, camera, performer, vertices)

    def _dress(
        self,
        costume: Costume,
        performer: Performer,
        vertices: Floats,
        frames: tuple[HeadFrame, HeadFrame],
        pixel: float,
    ) -> list[Surface]:
        head = self.heads.pose(vertices, performer.expression, frames[1])
        return self.wardrobe.dress(costume, head, performer.identity, frames[0], pixel)

    def _photograph(
        self,
        surfaces: list[Surface],
        head: HeadFrame,
        camera: Camera,
        helmet: bool,
        rng: np.random.Generator,
    ) -> tuple[Pixels, Floats]:
        towards = camera.centre - head.centre
        towards /= np.linalg.norm(towards)
        light = draw_light(head.rotation[:, 2], towards, rng, ring_light if helmet else None)
        brightness = float(np.clip(np.mean(light.environment[0]) * light.exposure * 0.5, 0.0, 1.0)) ** (
            1 / 2.2
        )
        if helmet and rng.random() < 0.7:
            grey = int(255 * np.clip(brightness * rng.uniform(0.5, 1.1), 0.02, 0.9))
            backdrop = np.full((self.options.size, self.options.size, 3), grey, np.uint8)
        else:
            backdrop = draw_background(self.options.size, brightness, rng, self.options.backgrounds)
        picture = Picture(tuple(surfaces), light, backdrop, centre=head.centre)
        image, depth = render_through_lens(self.renderer, picture, camera)
        focus = float(np.linalg.norm(camera.centre - head.centre)) - 0.07
        return develop(image, depth, max(focus, 0.1), rng), depth


def pose_head(model: HeadModel, performer: Performer) -> tuple[Floats, tuple[HeadFrame, HeadFrame]]:
    """The posed vertices (V, 3) of a performer, and where the torso (the neck joint) and the skull are."""
    identity, expression, pose = (
        torch.as_tensor(np.asarray(values), dtype=model.mean.dtype)
        for values in (performer.identity, performer.expression, performer.pose)
    )
    with torch.no_grad():
        vertices = model(identity, expression, pose).numpy()
        rotations, offsets = joint_transforms(model.joints(identity), pose)
    frames = [
        HeadFrame(rotations[joint].numpy().astype(np.float64), offsets[joint].numpy().astype(np.float64))
        for joint in (0, 1)
    ]
    return vertices, (frames[0], frames[1])
