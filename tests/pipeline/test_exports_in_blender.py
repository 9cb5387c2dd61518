"""What Blender makes of the exports: the fitted vertices, the shapes by name, cameras that see alike.

Set VULTUS_BLENDER_PYTHON to a Python that has the package bpy, in an environment of its own.
"""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from calibration.camera import Rig
from fitting.performance import Performance
from fitting.posed import posed_vertices
from pipeline.export import export
from tests.pipeline.performances import FRAMES, HEIGHT, WIDTH, head_model, performance, rig

READER = Path(__file__).with_name("blender_reader.py")
Z_UP = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def blender() -> str:
    python = os.environ.get("VULTUS_BLENDER_PYTHON")
    if not python:
        pytest.skip("set VULTUS_BLENDER_PYTHON to a Python that has Blender's module bpy")
    return python


def off_centre(width: int, height: int) -> Performance:
    """The performance before cameras whose principal points lie off the middle of their images."""
    cameras = []
    for camera, shift in zip(rig(), ((14.0, -9.0), (-11.0, 17.0)), strict=True):
        K = camera.K.copy()
        K[:2, 2] = (width - 1) / 2 + shift[0], (height - 1) / 2 + shift[1]
        cameras.append(replace(camera, width=width, height=height, K=K))
    return replace(performance(), rig=Rig(tuple(cameras)))


def read(
    python: str, file: Path, out: Path, size: tuple[int, int] = (WIDTH, HEIGHT)
) -> dict[str, NDArray[Any]]:
    frames = ",".join(map(str, FRAMES))
    command = [python, str(READER), str(file), str(out), frames, f"{size[0]}x{size[1]}"]
    subprocess.run(command, check=True, capture_output=True)
    return dict(np.load(out))


@pytest.mark.parametrize(("name", "index"), [("usd", 0), ("usd", 2), ("alembic", 0)])
def test_blender_shows_the_fitted_vertices(blender: str, tmp_path: Path, name: str, index: int) -> None:
    """Skinned or baked, every frame that Blender evaluates has the model's vertices; gaps stay gaps."""
    file = export(name, performance(), head_model(), tmp_path)[index]
    found = read(blender, file, tmp_path / "found.npz")
    assert int(found["fps"]) == 24
    meshes = {key: value for key, value in found.items() if value.ndim == 2 and not key.startswith("camera")}
    assert len(meshes) == len(FRAMES)
    for position, vertices in enumerate(meshes.values()):
        expected = posed_vertices(head_model(), performance(), position) @ Z_UP.T
        np.testing.assert_allclose(vertices, expected, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "size"), [("usd", (WIDTH, HEIGHT)), ("usd", (320, 240)), ("alembic", (320, 240))]
)
def test_blenders_cameras_see_what_ours_do(
    blender: str, tmp_path: Path, name: str, size: tuple[int, int]
) -> None:
    """Points of the head land within a tenth of a pixel, off-centre principal points included.

    Upright images are left out for Alembic: Blender's reader takes the film's width for its longer side.
    """
    performed = off_centre(*size)
    file = export(name, performed, head_model(), tmp_path)[0]
    found = read(blender, file, tmp_path / "found.npz", size)
    points = posed_vertices(head_model(), performed, 0)[::500]
    for camera in performed.rig:
        local = camera.to_camera(points)
        ideal = local[:, :2] / local[:, 2:] * camera.focal + camera.principal
        np.testing.assert_allclose(found[f"camera {camera.name}"], ideal, atol=0.1)


def test_blender_names_the_shapes(blender: str, tmp_path: Path) -> None:
    """The shape keys of the USD head carry the ARKit names, in their order."""
    file = export("usd", performance(), head_model(), tmp_path)[0]
    found = read(blender, file, tmp_path / "found.npz")
    assert tuple(found["shapes"]) == head_model().expression_names
