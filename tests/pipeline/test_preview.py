"""The preview: a clean bust, the head's mean place taken out, and movies that hold what they say."""

from __future__ import annotations

import importlib
from dataclasses import replace
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from click.testing import CliRunner
from scipy.spatial.transform import Rotation

from calibration.errors import MissingDependencyError, UsageError
from fitting.posed import neutral_vertices
from pipeline.cli import main
from pipeline.export import ExportOptions
from pipeline.export.scene import build_scene
from pipeline.preview import PreviewOptions, movies, write_preview
from pipeline.preview.bust import cut_at_neck
from pipeline.preview.figure import Figure
from pipeline.stores.performance import ModelInfo, write_performance
from tests.pipeline.performances import FRAMES, head_model, performance

TAKE = ExportOptions("take")


@pytest.fixture(scope="module")
def figure() -> Figure:
    return Figure(performance(), head_model(), TAKE)


def test_the_neck_is_cut_along_one_closed_line() -> None:
    """Whoever it is: every vertex of the cut has one edge that comes and one that goes, all in one plane."""
    people = head_model().sample_identity(12, np.random.default_rng(1)).numpy()
    triangles = np.asarray(head_model().triangles, np.int64)
    for identity in people:
        vertices = neutral_vertices(head_model(), identity)
        bust = cut_at_neck(vertices, triangles)
        assert sorted(bust.rim[:, 0]) == sorted(bust.rim[:, 1]) == sorted(set(bust.rim[:, 0].tolist()))
        slid = bust.slide @ vertices
        rim = slid[bust.rim[:, 0]]
        assert np.linalg.svd(rim - rim.mean(axis=0), compute_uv=False)[-1] < 1e-9
        assert bust.lid(slid)[1][0, 1] < -0.9


def test_the_head_is_upright_wherever_the_take_was_filmed() -> None:
    """A take that is turned and moved as a whole gives the same pictures."""
    here = performance()
    turn, shift = Rotation.from_euler("xyz", (0.5, -1.2, 0.3)), np.array([2.0, -0.4, 1.0])
    pose = here.pose.copy()
    pose[:, :3] = (turn * Rotation.from_rotvec(pose[:, :3])).as_rotvec()
    neck = build_scene(here, head_model(), TAKE).skin.joints[0]
    pose[:, 12:] = turn.apply(pose[:, 12:] + neck) + shift - neck
    there = Figure(replace(here, pose=pose), head_model(), TAKE)
    moment, same = there.frame(1), Figure(here, head_model(), TAKE).frame(1)
    np.testing.assert_allclose(moment.vertices, same.vertices, atol=1e-5)
    np.testing.assert_allclose(moment.skull, same.skull, atol=1e-6)


def test_eyes_teeth_and_lashes_have_looks_of_their_own(figure: Figure) -> None:
    """The cards of the lashes are not drawn as slabs, and each eye has its iris."""
    surfaces = figure.surfaces(figure.neutral())
    assert sum(surface.strands is not None for surface in surfaces) == 1
    assert sum(surface.material.texture is not None for surface in surfaces) == 5
    cards = build_scene(performance(), head_model(), ExportOptions(parts=("lashes",))).surface.triangles
    drawn = sum(len(surface.triangles) for surface in surfaces if surface.strands is None)
    assert drawn < len(figure.scene.surface.triangles) - len(cards)


@pytest.mark.parametrize(
    "wrong", [{"view": "above"}, {"height": 8}, {"fps": 0.0}, {"frames": (1,)}, {"turned": 1004}]
)
def test_what_cannot_be_drawn_is_refused(tmp_path: Path, wrong: dict[str, object]) -> None:
    """Unknown views, sizes and frames are told before anything is drawn."""
    with pytest.raises(UsageError):
        write_preview(performance(), head_model(), tmp_path, PreviewOptions(TAKE, **wrong))  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())


def test_without_opengl_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without EGL gets one clear error that names what is missing, and no files."""
    real = importlib.import_module

    def absent(name: str) -> object:
        if name.endswith("pyrender_bridge"):
            raise ImportError("EGL")
        return real(name)

    monkeypatch.setattr("detector.synthetic.renderer.importlib.import_module", absent)
    with pytest.raises(MissingDependencyError, match="OpenGL"):
        write_preview(performance(), head_model(), tmp_path, PreviewOptions(TAKE))
    assert not list(tmp_path.iterdir())


@pytest.mark.gl
def test_the_command_writes_a_sheet_and_two_movies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The animation has the frames that were asked for, at the rate that was asked for; gaps are left out."""
    model = head_model()
    info = ModelInfo(model.traits.name, model.expression_names, model.joint_names, "ibug68")
    file = write_performance(tmp_path / "take.h5", performance(), info, fingerprint="x")
    monkeypatch.setattr(movies, "TURN", 3)
    choices = "--size 96 --fps 12 --view left --frames 1002-1007 --subdivision 0 --draft"
    result = CliRunner().invoke(main, ["preview", str(file), *choices.split()])
    if isinstance(result.exception, SystemExit) and "OpenGL" in result.output:
        pytest.skip(result.output)
    assert result.exit_code == 0, result.output
    folder = tmp_path / "preview"
    assert {path.name for path in folder.iterdir()} == {
        "take_sheet.png",
        "take_turntable.mp4",
        "take_animation.mp4",
    }
    sheet = cv2.imread(str(folder / "take_sheet.png"))
    assert sheet is not None
    assert sheet.shape[0] > 2 * 96
    for name, count, width in (("turntable", 3, 152), ("animation", len(FRAMES) - 1, 76)):
        with av.open(str(folder / f"take_{name}.mp4")) as movie:
            pictures = [frame.to_ndarray(format="rgb24") for frame in movie.decode(video=0)]
            assert movie.streams.video[0].average_rate == 12
        assert len(pictures) == count
        assert pictures[0].shape == (96, width, 3)
        clay, wall = pictures[0][40, 38].astype(int), pictures[0][90, 2].astype(int)
        assert clay[0] > wall[0] + 40
        assert clay[0] > clay[2]
