"""Layouts of all kinds in a shoot: from detection to the fit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from calibration.errors import UsageError
from detector.layouts import layout, write_layout
from detector.layouts.making import from_vertices
from fitting.head_model import HeadModel, load_head_model
from fitting.surface import SurfacePoints
from pipeline.overlays.camera import CameraOverlay, OverlayOptions
from pipeline.overlays.panels import Scene
from pipeline.shoot.shoot import Shoot
from pipeline.sightings import read_sightings
from pipeline.stages import calibrate
from pipeline.stages.detect import check
from pipeline.stores.landmark_writer import LandmarkWriter
from pipeline.stores.landmarks import FrameStatus, LandmarkHeader, LandmarkRows
from tests.pipeline.performances import GreySource, head_model, observations, performance
from tests.pipeline.synthetic_shoot import SIZE, write_synthetic_shoot


@pytest.fixture(scope="module")
def model() -> HeadModel:
    return load_head_model()


def with_landmarks(folder: Path, model: HeadModel, chosen: str) -> Shoot:
    """A calibrated shoot whose cameras have seen landmarks of a layout, somewhere in the picture."""
    shoot = write_synthetic_shoot(folder, model).shoot.with_changes(detect={"layout": chosen})
    calibrate.main(shoot)
    found = layout(shoot.layout, model)
    for name in shoot.camera_names:
        frames = np.array(shoot.frames)
        header = LandmarkHeader(name, SIZE, frames, found.name, found.queries.numpy(), "made up")
        rows = LandmarkRows.empty(len(frames), len(found))
        rows.mean[:], rows.sigma[:], rows.status[:] = 150.0, 1.0, FrameStatus.OK
        writer = LandmarkWriter(shoot.landmark_file(name), header)
        writer.write(0, rows)
        writer.finish()
    return shoot


def test_bones_are_stored_and_drawn_but_not_fitted(tmp_path: Path, model: HeadModel) -> None:
    """A fit on skull landmarks says which landmarks can be fitted; an overlay takes them as they are."""
    shoot = with_landmarks(tmp_path, model, "skull")
    with pytest.raises(UsageError, match=r"skull lie inside the head.*dense320"):
        read_sightings(shoot, model)
    seen = read_sightings(shoot, model, to_fit=False)
    assert seen.layout == "skull"
    assert seen.observations.mean.shape[2] == 1000
    assert np.isnan(seen.observations.points.evaluate(model.mean.numpy())).all()


@pytest.mark.parametrize("panel", ["landmarks", "residuals"])
def test_landmarks_without_a_place_on_the_surface_are_drawn(panel: str) -> None:
    """Dots, and no lines to a fitted point that there is not."""
    performed = performance()
    seen = observations(performed)
    sources = {"left": GreySource()}
    unknown = replace(seen, points=SurfacePoints.unknown(seen.shape[2]))
    options = OverlayOptions(panels=("photo", panel))
    drawn = CameraOverlay(Scene(performed, head_model(), sources, unknown), "left", options).draw(1001)
    plain = CameraOverlay(Scene(performed, head_model(), sources), "left", options).draw(1001)
    assert drawn is not None
    assert plain is not None
    assert (drawn != plain).any()


def test_a_layout_file_beside_the_shoot_serves(tmp_path: Path, model: HeadModel) -> None:
    """Named in the shoot file by its path, it is found from anywhere, and its landmarks can be fitted."""
    write_layout(tmp_path / "dots.json", from_vertices("dots", range(0, 400, 10), model))
    shoot = with_landmarks(tmp_path, model, "dots.json")
    assert shoot.layout == str(tmp_path / "dots.json")
    points = read_sightings(shoot, model).observations.points
    np.testing.assert_array_equal(points.vertices[:, 0], np.arange(0, 400, 10))


def test_an_unknown_layout_stops_a_detection_before_it_begins(tmp_path: Path, model: HeadModel) -> None:
    """The message names the layouts and how to make one."""
    shoot = write_synthetic_shoot(tmp_path, model).shoot.with_changes(detect={"layout": "dots.json"})
    with pytest.raises(UsageError, match=r"'dots\.json', nor a file.*vultus layouts make"):
        check(shoot)
