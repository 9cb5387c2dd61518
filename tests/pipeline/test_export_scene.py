"""What users choose about geometry is done once for all formats, and does what it says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from calibration.errors import UsageError
from fitting.posed import neutral_vertices, posed_vertices
from pipeline.export import EXPORTERS, export
from pipeline.export.options import ExportOptions
from pipeline.export.scene import build_scene
from pipeline.export.subdivision import catmull_clark
from tests.pipeline.performances import FRAMES, head_model, performance


def test_the_scene_moves_as_the_model_does() -> None:
    """With nothing chosen, every frame has the model's own vertices."""
    scene = build_scene(performance(), head_model(), ExportOptions())
    for position in range(len(FRAMES)):
        expected = posed_vertices(head_model(), performance(), position)
        np.testing.assert_allclose(scene.posed(position), expected, atol=1e-6)


def test_units_and_axes_apply_to_everything_alike() -> None:
    """In centimetres with Z up the animated head is the same head scaled and stood up: nose to -Y."""
    plain = build_scene(performance(), head_model(), ExportOptions())
    other = build_scene(performance(), head_model(), ExportOptions(units="cm", up="Z"))
    stood = plain.posed(1)[:, [0, 2, 1]] * [100, -100, 100]
    np.testing.assert_allclose(other.posed(1), stood, atol=1e-9)


def test_without_its_motion_the_head_stays_where_its_neutral_is() -> None:
    """ "removed" leaves expressions and eyes alone: what they do not move stays at rest."""
    scene = build_scene(performance(), head_model(), ExportOptions(motion="removed"))
    still = np.flatnonzero(np.abs(scene.skin.expressions).max(axis=(0, 2)) == 0)
    still = still[scene.skin.weights[still, :2].sum(axis=1) > 0.99]
    assert len(still) > 500
    np.testing.assert_allclose(scene.posed(2)[still], scene.skin.vertices[still], atol=1e-7)


def test_seen_from_the_skull_the_head_is_still_and_the_neck_moves() -> None:
    """ "skull" holds what is rigid with the head; the collar of the neck swings beneath it."""
    scene = build_scene(performance(), head_model(), ExportOptions(motion="skull"))
    weights = scene.skin.weights
    on_head = np.flatnonzero((weights[:, 1] > 0.9999) & (np.abs(scene.skin.expressions).max((0, 2)) == 0))
    on_neck = np.flatnonzero(weights[:, 0] > 0.3)
    np.testing.assert_allclose(scene.posed(1)[on_head], scene.skin.vertices[on_head], atol=1e-4)
    moved = np.linalg.norm(scene.posed(1)[on_neck] - scene.skin.vertices[on_neck], axis=1)
    assert moved.mean() > 0.003


def test_parts_can_be_left_out_and_vertices_remember_where_they_came_from() -> None:
    """Only the vertices of the wanted parts remain, in the model's order."""
    scene = build_scene(performance(), head_model(), ExportOptions(parts=("left_eye", "skin")))
    assert set(scene.surface.parts) == {"skin", "left_eye"}
    expected = posed_vertices(head_model(), performance(), 0)[scene.surface.source]
    np.testing.assert_allclose(scene.posed(0), expected, atol=1e-6)
    with pytest.raises(UsageError, match=r"no part 'nose'.*skin"):
        build_scene(performance(), head_model(), ExportOptions(parts=("nose",)))


def test_subdivision_refines_and_keeps_the_shape() -> None:
    """One level makes four times the faces, close to the old surface; a flat sheet stays flat."""
    plain = build_scene(performance(), head_model(), ExportOptions())
    fine = build_scene(performance(), head_model(), ExportOptions(subdivision=1))
    sizes = plain.surface.face_sizes
    assert len(fine.surface.quads) == sizes.sum()
    neutral = neutral_vertices(head_model(), performance().identity)
    moved = np.linalg.norm(fine.skin.vertices[: len(neutral)] - neutral, axis=1)
    assert np.median(moved) < 0.001
    np.testing.assert_allclose(fine.skin.weights.sum(axis=1), 1.0, atol=1e-6)
    assert fine.surface.uv.min() >= plain.surface.uv.min() - 1e-9


def test_subdivision_is_catmull_and_clarks() -> None:
    """A cube becomes what their rules say: corners at 5/9, edges at 3/4, faces where they were."""
    cube = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], float)
    quads = np.array(
        [[0, 1, 3, 2], [4, 6, 7, 5], [0, 4, 5, 1], [2, 3, 7, 6], [0, 2, 6, 4], [1, 5, 7, 3]], np.int64
    )
    finer = catmull_clark(quads, 8)
    refined = finer.matrix @ cube
    np.testing.assert_allclose(np.abs(refined[:8]), 5 / 9)
    np.testing.assert_allclose(
        np.sort(np.abs(refined[8:20])), np.tile([0.0, 0.75, 0.75], (12, 1)), atol=1e-12
    )
    np.testing.assert_allclose(np.sort(np.abs(refined[20:])), np.tile([0.0, 0.0, 1.0], (6, 1)), atol=1e-12)
    assert finer.quads.shape == (24, 4)


@pytest.mark.parametrize(
    ("options", "message"),
    [({"up": "X"}, "up cannot be 'X'"), ({"motion": "none"}, "motion cannot be"), ({"subdivision": 7}, "7")],
)
def test_choices_that_make_no_sense_are_refused(options: dict[str, object], message: str) -> None:
    """The message names the option and what there is."""
    with pytest.raises(UsageError, match=message):
        ExportOptions(**options)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", sorted(EXPORTERS))
def test_a_range_of_frames_is_exported_alone(name: str, tmp_path: Path) -> None:
    """Every format writes the frames that were asked for, and says so where the take has none of them."""
    options = ExportOptions(frames=(1002, 1003, 1004, 1006), frame_offset=10, neutral_frames=(1001,))
    written = export(name, performance(), head_model(), tmp_path, options=options)
    assert written
    if name in ("obj", "ply"):
        frames = {path.suffixes[0] for path in written} - {".neutral"}
        assert frames == {".1012", ".1013", ".1016"}
    with pytest.raises(UsageError, match="1001 to 1007"):
        export(name, performance(), head_model(), tmp_path, options=ExportOptions(frames=(5,)))


def test_the_scene_of_a_range_has_its_frames() -> None:
    """Positions count in the range that was asked for."""
    scene = build_scene(performance(), head_model(), ExportOptions(frames=(1003, 1007)))
    assert scene.frames.tolist() == [1003, 1007]
    expected = posed_vertices(head_model(), performance(), FRAMES.index(1007))
    np.testing.assert_allclose(scene.posed(1), expected, atol=1e-6)
    assert len(scene.performance.residual_px) == 2
