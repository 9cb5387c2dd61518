"""Layouts of one's own."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from calibration.errors import InputError, UsageError
from detector.layouts.making import from_mask, from_positions, from_vertices, parse_vertices, read_positions
from detector.region import QUERY_SCALE
from detector.synthetic.texture_layout import skin_uv
from fitting.head_model import HeadModel, load_head_model


@pytest.fixture(scope="module")
def model() -> HeadModel:
    return load_head_model()


def nose(model: HeadModel) -> np.ndarray:
    """A point 2 mm before the tip of the nose, and one above an eye, metres."""
    return np.array([[0.0, -0.041, 0.0481], [0.028, 0.022, 0.027]])


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("x,y,z\n0,-41,48.1\n28,22,27\n", "mm"),
        ("0;-0.041;0.0481\n\n0.028;0.022;0.027", "m"),
        ("\ufeff0\t-4.1\t4.81\r\n2.8\t2.2\t2.7\r\n", "cm"),
    ],
)
def test_positions_come_in_any_usual_csv(model: HeadModel, tmp_path: Path, text: str, unit: str) -> None:
    """With a heading or without, parted by commas, semicolons or tabs, in the unit that is said."""
    file = tmp_path / "points.csv"
    file.write_text(text, encoding="utf-8")
    np.testing.assert_allclose(read_positions(file, unit), nose(model), atol=1e-9)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1,2,3\n1,2\n", "line 2"),
        ("1,2,3\n\n4,5,six\n", "line 3"),
        ("x,y,z\n1,2,nan\n", "line 2"),
        ("x,y,z\n", "no positions"),
        ("", "no positions"),
    ],
)
def test_a_bad_csv_names_its_line(tmp_path: Path, text: str, message: str) -> None:
    """So that it can be mended."""
    file = tmp_path / "points.csv"
    file.write_text(text)
    with pytest.raises(InputError, match=message):
        read_positions(file)


def test_a_strange_unit_and_an_absent_csv_are_named(tmp_path: Path) -> None:
    """Units that there are, and the path."""
    with pytest.raises(InputError, match=r"none\.csv"):
        read_positions(tmp_path / "none.csv")
    (tmp_path / "points.csv").write_text("1,2,3")
    with pytest.raises(UsageError, match="m, cm, mm"):
        read_positions(tmp_path / "points.csv", "inch")


def test_positions_go_to_the_surface(model: HeadModel) -> None:
    """Each to its nearest point; how far that was is told."""
    made, apart = from_positions("dots", nose(model), model)
    assert apart.max() < 0.004
    reached = made.queries.double().numpy() * QUERY_SCALE
    np.testing.assert_allclose(np.linalg.norm(reached - nose(model), axis=1), apart, atol=1e-5)
    on_head = made.points.evaluate(model.mean.double().numpy())
    np.testing.assert_allclose(on_head, reached, atol=1e-6)


def test_positions_that_are_far_off_are_refused_or_kept(model: HeadModel) -> None:
    """A wrong unit is noticed; what is meant to lie inside the head can be asked for as it is."""
    inside = np.array([[0.0, 0.03, -0.08]])
    with pytest.raises(InputError, match=r"point 1 lies \d+ mm.*--as-is"):
        from_positions("brain", inside, model)
    made, _ = from_positions("brain", inside, model, as_is=True)
    np.testing.assert_allclose(made.queries.numpy() * QUERY_SCALE, inside, atol=1e-6)
    assert made.surface is None


def test_vertices_are_kept_in_their_order(model: HeadModel) -> None:
    """A list and its ranges mean what they say."""
    assert parse_vertices("12, 40-42,7") == [12, 40, 41, 42, 7]
    made = from_vertices("some", [12, 40, 7], model)
    np.testing.assert_array_equal(made.points.vertices[:, 0], [12, 40, 7])
    for text in ("12,,13", "a", "5-"):
        with pytest.raises(UsageError, match="no vertex"):
            parse_vertices(text)
    with pytest.raises(UsageError, match="0 to 5050"):
        from_vertices("some", [1, 5051], model)
    with pytest.raises(UsageError, match="twice"):
        from_vertices("some", [1, 1], model)
    with pytest.raises(UsageError, match="'skull' cannot be the name"):
        from_vertices("skull", [1], model)


def painted(model: HeadModel, vertex: int, size: int = 512) -> np.ndarray:
    """A black skin texture with a white disc about a vertex, and where that is."""
    corner = np.flatnonzero(model.triangles.ravel() == vertex)[0]
    u, v = skin_uv(model)[model.triangles_uv.ravel()[corner]]
    mask = np.zeros((2 * size, size), np.uint8)
    cv2.circle(mask, (round(u * size), round((1 - v) * 2 * size)), 20, 255, cv2.FILLED)
    return mask


@pytest.mark.parametrize("kind", ["grey", "colour", "alpha", "deep"])
def test_what_is_painted_gets_the_points(model: HeadModel, tmp_path: Path, kind: str) -> None:
    """They lie together about the painted place, apart from one another, whatever the kind of picture."""
    forehead = int(np.linalg.norm(model.mean.numpy() - [0.03, 0.055, 0.015], axis=1).argmin())
    mask = painted(model, forehead)
    picture = {
        "grey": mask,
        "colour": np.stack([0 * mask, 0 * mask, mask], axis=2),
        "alpha": np.stack([np.full_like(mask, 255)] * 3 + [mask], axis=2),
        "deep": mask.astype(np.uint16) * 257,
    }[kind]
    file = tmp_path / "mask.png"
    cv2.imwrite(str(file), picture)
    made = from_mask("scar", file, 60, model)
    assert len(made) == 60
    places = made.queries.double().numpy() * QUERY_SCALE
    assert np.linalg.norm(places - model.mean[forehead].double().numpy(), axis=1).max() < 0.025
    apart = np.linalg.norm(places[:, None] - places[None], axis=2) + np.eye(60)
    assert apart.min() > 0.0008


def test_a_bad_mask_is_named(model: HeadModel, tmp_path: Path) -> None:
    """Absent, no picture, or nothing painted."""
    file = tmp_path / "mask.png"
    with pytest.raises(InputError, match="cannot be read"):
        from_mask("scar", file, 10, model)
    file.write_bytes(b"no picture")
    with pytest.raises(InputError, match="no picture"):
        from_mask("scar", file, 10, model)
    cv2.imwrite(str(file), np.zeros((64, 32), np.uint8))
    with pytest.raises(InputError, match="nothing of the head"):
        from_mask("scar", file, 10, model)
    with pytest.raises(UsageError, match="0 points"):
        from_mask("scar", file, 0, model)
