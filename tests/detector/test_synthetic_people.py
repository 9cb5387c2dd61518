from dataclasses import replace

import numpy as np
import pytest

from detector.synthetic.background import draw_background
from detector.synthetic.barber import Barber
from detector.synthetic.clothes import AROUND, draw_clothes, neck_outline, torso
from detector.synthetic.contact import (
    cavity_vertices,
    dental_arches,
    lid_vertices,
    lip_vertices,
    narrow_cavity,
    settle,
    settle_lids,
)
from detector.synthetic.engine import pose_head
from detector.synthetic.eyelids import CLOSED, close_lids, lid_gaps
from detector.synthetic.head_mesh import HeadMesh
from detector.synthetic.head_surfaces import HeadSurfaces
from detector.synthetic.lip_seal import SEALED, lip_gap
from detector.synthetic.moods import STRONGEST
from detector.synthetic.performance import perform
from detector.synthetic.performer import draw_expression, draw_gaze, draw_performer, lid_weights
from detector.synthetic.postprocess import develop
from detector.synthetic.viewpoint import HeadFrame
from fitting.head_model import HeadModel, load_head_model


@pytest.fixture(scope="module")
def model() -> HeadModel:
    return load_head_model()


@pytest.fixture(scope="module")
def barber(model: HeadModel) -> Barber:
    return Barber(model, HeadSurfaces(model, HeadMesh(model)))


def test_expressions_are_weights_that_a_face_can_have(model: HeadModel) -> None:
    """Weights lie in their range, opposites are not on together, and most faces are far from extreme."""
    rng = np.random.default_rng(0)
    drawn = np.stack([draw_expression(model.expression_names, draw_gaze(rng), rng) for _ in range(300)])
    column = model.expression_names.index
    assert drawn.min() >= 0.0
    assert drawn.max() <= STRONGEST
    assert np.all(drawn[:, column("mouthClose")] <= drawn[:, column("jawOpen")])
    assert np.all(np.minimum(drawn[:, column("jawLeft")], drawn[:, column("jawRight")]) == 0.0)
    assert drawn[:, column("jawOpen")].mean() < 0.35


def test_shut_lids_meet_on_every_identity(model: HeadModel) -> None:
    """However a face is built and squints, closed eyes have no gap, and open eyes keep theirs."""
    rng = np.random.default_rng(2)
    gaps = lid_gaps(model)
    for _ in range(20):
        identity = rng.normal(0.0, 1.0, model.identity_size)
        expression = draw_expression(model.expression_names, draw_gaze(rng), rng)
        shut = close_lids(model, identity, expression, np.ones(2))
        np.testing.assert_allclose(gaps(identity, shut), CLOSED, atol=1e-4)
        half = close_lids(model, identity, expression, np.full(2, 0.5))
        assert np.all(gaps(identity, half) >= gaps(identity, shut) - 1e-4)


def test_lips_do_not_pass_each_other(model: HeadModel) -> None:
    """No expression of anybody has a lower lip above the upper one, and many mouths are shut."""
    rng = np.random.default_rng(3)
    gap = lip_gap(model)
    people = [draw_performer(model, rng) for _ in range(150)]
    gaps = np.array([gap(p.identity, p.expression) for p in people])
    assert gaps.min() > -1e-5
    assert (gaps < 2 * SEALED).mean() > 0.2


def test_lids_lie_on_the_eyeballs(model: HeadModel) -> None:
    """No vertex of a lid is inside an eyeball, open or closed; all other vertices stay where they are."""
    performer = draw_performer(model, np.random.default_rng(8))
    vertices, _ = pose_head(model, performer)
    settled = settle_lids(model, vertices)
    moved = np.linalg.norm(settled - vertices, axis=1) > 0
    touched = np.concatenate([lids for _, lids in lid_vertices(model)])
    assert set(np.flatnonzero(moved)) <= set(touched)
    for eye, lids in lid_vertices(model):
        centre = settled[eye].mean(axis=0)
        radius = np.linalg.norm(settled[eye] - centre, axis=1).max()
        assert np.linalg.norm(settled[lids] - centre, axis=1).min() > radius


def test_teeth_stay_behind_the_lips(model: HeadModel) -> None:
    """Before the front teeth's outer side lies no lip nearer to the arch's axis than the teeth."""
    rng = np.random.default_rng(11)
    lips = lip_vertices(model)
    for _ in range(10):
        performer = replace(draw_performer(model, rng), pose=np.zeros(15))
        vertices, (_, skull) = pose_head(model, performer)
        settled = settle(model, vertices, skull)
        for arch in dental_arches(model):
            front = settled[arch.vertices[7:10]]
            low, high = front[..., 1].min(), front[..., 1].max()
            here = settled[lips]
            covers = (here[:, 1] > low) & (here[:, 1] < high) & (np.abs(here[:, 0]) < 0.006)
            assert np.all(here[covers, 2] > front[..., 2].min() - 1e-4)


def test_the_cavity_of_the_mouth_stays_inside_the_cheeks(model: HeadModel) -> None:
    """The cavity is drawn in where it is deep, and still meets the lips where they are."""
    vertices = model.assets.mean.astype(np.float32)
    skull = HeadFrame(np.eye(3), np.zeros(3))
    narrowed = narrow_cavity(model, vertices, skull)
    cavity, share = cavity_vertices(model)
    assert np.abs(narrowed[cavity, 0]).max() < np.abs(vertices[cavity, 0]).max() - 0.002
    np.testing.assert_allclose(narrowed[cavity[share == 0.0]], vertices[cavity[share == 0.0]], atol=1e-6)


def test_eyes_are_as_open_as_on_photographs(model: HeadModel) -> None:
    """The median height of an eye is near 0.3 of its width, and a few percent are shut."""
    rng = np.random.default_rng(0)
    gaps = lid_gaps(model)
    people = [draw_performer(model, rng) for _ in range(300)]
    height = np.array([gaps(p.identity, p.expression).mean() for p in people]) / 0.025
    assert 0.25 < np.median(height) < 0.33
    assert 0.03 < (height < 0.03).mean() < 0.12


def test_lids_follow_the_gaze() -> None:
    """Looking down lowers both lids; looking to the actor's left is outwards for the left eye only."""
    down = lid_weights(np.array([0.0, 0.3]))
    assert down["eyeLookDownLeft"] == down["eyeLookDownRight"] > 0.3
    left = lid_weights(np.array([0.3, 0.0]))
    assert left["eyeLookOutLeft"] == left["eyeLookInRight"] > 0.3
    assert left["eyeLookInLeft"] == left["eyeLookOutRight"] == 0.0


def test_people_come_from_their_generator(model: HeadModel) -> None:
    """The same generator state gives the same person."""
    first, second = (draw_performer(model, np.random.default_rng(5)) for _ in range(2))
    np.testing.assert_array_equal(first.identity, second.identity)
    np.testing.assert_array_equal(first.pose, second.pose)


def test_a_performance_is_smooth_and_of_one_person(model: HeadModel) -> None:
    """Neighbouring frames differ little, though a lot happens from the first to the last."""
    identity = np.zeros(model.identity_size)
    frames = perform(model, identity, 24, np.random.default_rng(0))
    expression = np.stack([frame.expression for frame in frames])
    assert np.abs(np.diff(expression, axis=0)).max() < 0.75
    assert np.ptp(expression, axis=0).max() > 0.5
    assert all(frame.identity is identity for frame in frames)


@pytest.mark.parametrize("seed", range(6))
def test_hair_grows_outside_the_head_and_leaves_the_mouth_free(
    barber: Barber, model: HeadModel, seed: int
) -> None:
    """Roots lie on the skin above the ears or at the nape, no strand begins on the face."""
    groom = barber.groom(np.random.default_rng(seed))
    roots = groom.strands.points[:, 0]
    assert np.isfinite(groom.strands.points).all()
    assert not np.any((roots[:, 2] > -0.02) & (roots[:, 1] < 0.03))
    mouth = model.ibug68.evaluate(model.assets.mean.astype(np.float64))[62]
    assert np.linalg.norm(groom.strands.points - mouth, axis=-1).min() > 0.01


def test_the_shoulders_close_onto_the_neck() -> None:
    """The torso begins at the neck's edge and ends far below it, wider than any neck."""
    a = np.linspace(0.0, 2 * np.pi, 40, endpoint=False)
    edge = np.stack([0.06 * np.sin(a), np.full_like(a, -0.15), -0.09 - 0.05 * np.cos(a)], axis=1)
    outline = neck_outline(edge)
    assert outline.shape == (AROUND, 3)
    np.testing.assert_allclose(np.hypot(outline[:, 0] / 0.06, (outline[:, 2] + 0.09) / 0.05), 1.0, atol=0.06)
    for seed in range(12):
        for surface in torso(outline, draw_clothes(np.random.default_rng(seed)), (0.5, 0.3, 0.2)):
            assert np.isfinite(surface.positions).all()
            assert np.isfinite(surface.normals).all()
            assert surface.positions[:, 1].min() < -0.4
            assert np.ptp(surface.positions[:, 0]) > 0.25


def test_backgrounds_and_development_come_from_their_generator() -> None:
    """The same generator state gives the same pixels."""
    first, second = (draw_background(64, 0.4, np.random.default_rng(3)) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    depth = np.full((64, 64), 0.8, np.float32)
    developed = [develop(first, depth, 0.8, np.random.default_rng(4)) for _ in range(2)]
    np.testing.assert_array_equal(developed[0], developed[1])
    assert developed[0].shape == first.shape
