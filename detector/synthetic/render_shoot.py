"""A whole synthetic shoot: one person, a rig of cameras, a calibration board, and the truth about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from calibration.camera import Camera, Rig
from calibration.formats import write_rig
from detector.synthetic.checkerboard import board_poses, board_surface
from detector.synthetic.engine import EngineOptions, SyntheticEngine, pose_head
from detector.synthetic.lens import render_through_lens
from detector.synthetic.lighting import project_environment
from detector.synthetic.performance import perform
from detector.synthetic.performer import Performer
from detector.synthetic.surfaces import KeyLight, Light, Picture, Surface
from detector.synthetic.viewpoint import look_at
from fitting.head_model import HeadModel

Array = NDArray[np.float64]
Progress = Callable[[int, int, str], None]

STAGE = np.array([0.0, 1.5, 0.0])
"""Metres: where the head is in the world."""
FOCUS = STAGE + np.array([0.0, -0.015, -0.04])


@dataclass(frozen=True)
class ShootOptions:
    """What is shot.

    Attributes:
        first_frame: number of the first frame. frames: how many.
        board: inner corners of the board. square: side of its squares in metres. board_poses: pictures of it.
        quality: of the JPEG files. noise: spread of the sensor noise in grey levels.
        identity_seed: who it is. costume_seed: the look.
    """

    first_frame: int = 1001
    frames: int = 20
    board: tuple[int, int] = (9, 6)
    square: float = 0.02
    board_poses: int = 12
    quality: int = 85
    noise: float = 1.5
    identity_seed: int = 11
    costume_seed: int = 4
    engine: EngineOptions = field(default_factory=EngineOptions)


def arc_rig(
    count: int = 6, degrees: float = 100.0, distance: float = 1.1, size: tuple[int, int] = (512, 640)
) -> Rig:
    """Cameras on an arc round the stage, every other one a little higher, with mild lens distortion.

    Args:
        count: of cameras. degrees: that the arc spans. distance: to the head in metres.
        size: (width, height) in pixels.
    """
    cameras = []
    rng = np.random.default_rng(7)
    for i, angle in enumerate(np.deg2rad(np.linspace(-degrees / 2, degrees / 2, count))):
        height = 0.16 if i % 2 else -0.06
        eye = FOCUS + distance * np.array([np.sin(angle), 0.0, np.cos(angle)]) + np.array([0.0, height, 0.0])
        rotation = look_at(eye, FOCUS + rng.normal(0.0, 0.006, 3), float(rng.normal(0.0, 0.02)))
        focal = 1.28 * size[0] * distance / 0.42 * float(rng.uniform(0.97, 1.03)) * 0.92
        principal = (np.array(size) - 1) / 2 + rng.normal(0.0, 4.0, 2)
        K = np.array([[focal, 0.0, principal[0]], [0.0, focal, principal[1]], [0.0, 0.0, 1.0]])
        lens = np.array([rng.uniform(-0.12, -0.05), rng.uniform(0.0, 0.1), *rng.normal(0.0, 3e-4, 2), 0.0])
        name = f"cam{chr(ord('A') + i)}"
        cameras.append(Camera(name, *size, K, lens, rotation, -rotation @ eye))
    return Rig(tuple(cameras), source="synthetic shoot, exact")


def render_shoot(
    model: HeadModel,
    folder: Path,
    rig: Rig | None = None,
    options: ShootOptions | None = None,
    progress: Progress | None = None,
    engine: SyntheticEngine | None = None,
) -> Path:
    """Render a shoot into a folder and return the folder.

    Writes images/<camera>/<camera>.<frame>.jpg, board/<camera>/<camera>.<frame>.jpg, truth/cameras.json and
    truth/mesh.npz: vertices (F, V, 3) float32 in world millimetres, faces (T, 3), frames (F,), idx_face (N,)
    the vertices of the face, landmarks68_vertices and landmarks68_weights (68, 3), expression_names (E,),
    expression_weights (F, E), identity (B,), pose (F, 15), eye_centers_world (F, 2, 3) in
    millimetres, left first.

    Args:
        model: the head. folder: made if it is not there.
        rig: the cameras; :func:`arc_rig` by default. options: what is shot.
        progress: called with (done, total, label) after every picture.
        engine: one that this process has already (it can have only one); made if it is not given.

    Raises:
        MissingDependencyError: OpenGL is not there.
    """
    options = options or ShootOptions()
    engine = engine or SyntheticEngine(model, options.engine)
    shoot = _Shoot(engine, folder, rig or arc_rig(), options, progress or (lambda *_: None))
    shoot.film_performance()
    shoot.film_board()
    write_rig(shoot.rig, folder / "truth" / "cameras.json")
    return folder


class _Shoot:
    """One shoot while it is rendered."""

    def __init__(
        self, engine: SyntheticEngine, folder: Path, rig: Rig, options: ShootOptions, progress: Progress
    ) -> None:
        self.rig, self._folder, self._options, self._progress = rig, folder, options, progress
        self._engine, self._model = engine, engine.model
        self._rng = np.random.default_rng(options.identity_seed)
        self._light = studio_light()
        self._done = 0
        self._total = len(rig) * (options.frames + options.board_poses)

    def film_performance(self) -> None:
        options, model = self._options, self._model
        identity = model.sample_identity(1, self._rng, 0.9)[0].numpy().astype(np.float64)
        costume_rng = np.random.default_rng(options.costume_seed)
        costume = self._engine.wardrobe.draw(options.costume_seed, costume_rng)
        costume = replace(costume, extras=())
        performers = [_on_stage(p) for p in perform(model, identity, options.frames, self._rng)]
        meshes = []
        for i, performer in enumerate(performers):
            vertices, frames = pose_head(model, performer)
            head = self._engine.heads.pose(vertices, performer.expression, frames[1])
            surfaces = self._engine.wardrobe.dress(costume, head, identity, frames[0])
            self._photograph(surfaces, "images", options.first_frame + i)
            meshes.append(vertices)
        self._write_truth(np.stack(meshes), performers)

    def film_board(self) -> None:
        options = self._options
        for i, (rotation, centre) in enumerate(board_poses(options.board_poses, FOCUS, self._rng)):
            surface = board_surface(options.board, options.square, rotation, centre)
            self._photograph([surface], "board", i + 1)

    def _photograph(self, surfaces: list[Surface], kind: str, frame: int) -> None:
        for camera in self.rig:
            backdrop = np.full((8, 8, 3), 96, np.uint8)
            picture = Picture(tuple(surfaces), self._light, backdrop, centre=FOCUS)
            pixels, _ = render_through_lens(self._engine.renderer, picture, camera)
            image = pixels.astype(np.float32)
            image += self._rng.standard_normal(image.shape, np.float32) * self._options.noise
            path = self._folder / kind / camera.name / f"{camera.name}.{frame:04d}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            noisy = np.clip(np.rint(image), 0, 255).astype(np.uint8)[..., ::-1]
            _, data = cv2.imencode(".jpg", noisy, [cv2.IMWRITE_JPEG_QUALITY, self._options.quality])
            path.write_bytes(data.tobytes())
            self._done += 1
            self._progress(self._done, self._total, f"{kind} {camera.name} {frame}")

    def _write_truth(self, vertices: NDArray[np.float32], performers: list[Performer]) -> None:
        model, options = self._model, self._options
        eyes = [vertices[:, model.parts[name]].mean(axis=1) for name in ("left_eye", "right_eye")]
        path = self._folder / "truth" / "mesh.npz"
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(
            path,
            vertices=(vertices * 1000.0).astype(np.float32),
            faces=model.triangles.astype(np.int32),
            frames=options.first_frame + np.arange(options.frames),
            idx_face=model.region("face").astype(np.int32),
            landmarks68_vertices=model.ibug68.vertices.astype(np.int32),
            landmarks68_weights=model.ibug68.weights,
            expression_names=np.array(model.expression_names),
            expression_weights=np.stack([p.expression for p in performers]).astype(np.float32),
            identity=performers[0].identity.astype(np.float32),
            pose=np.stack([p.pose for p in performers]).astype(np.float32),
            eye_centers_world=np.stack(eyes, axis=1) * 1000.0,
        )


def _on_stage(performer: Performer) -> Performer:
    pose = performer.pose.copy()
    pose[-3:] += STAGE
    return replace(performer, pose=pose)


def studio_light() -> Light:
    """Soft, even light from both sides, as a capture studio has it."""

    def radiance(d: Array) -> Array:
        return np.repeat(0.55 + 0.25 * d[:, 1:2] + 0.1 * d[:, 2:3], 3, axis=1)

    def lamp(direction: tuple[float, float, float], power: float) -> KeyLight:
        axis = np.array(direction) / np.linalg.norm(direction)
        return KeyLight(axis, np.full(3, power), 0.35)

    keys = (lamp((0.8, 0.5, 1.0), 0.40), lamp((-0.9, 0.4, 0.8), 0.32))
    return Light(keys, project_environment(radiance), exposure=0.85, filmic=0.2)
