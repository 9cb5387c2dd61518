"""What the renderer relies on of the textures: their layout, anatomy in the paint, repeatable people."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from calibration.errors import InputError
from detector.synthetic.eye_texture import draw_eyes
from detector.synthetic.paint import noise, strokes, whole
from detector.synthetic.pigment import DARKEST_MELANIN, skin_colour, to_linear, to_srgb
from detector.synthetic.relief import normals_from_height
from detector.synthetic.teeth_paint import teeth_uv
from detector.synthetic.texture_layout import ISLANDS, skin_islands
from detector.synthetic.texture_maps import eye_maps, skin_maps
from detector.synthetic.textures import (
    HeadTextures,
    PhotographicSkin,
    ProceduralSkin,
    SkinSource,
    eye_uv,
    skin_uv,
)
from fitting.head_model import HeadModel, load_head_model
from fitting.makehuman import MakeHumanAssets

SKINS = Path(__file__).parents[2].parent / "shared" / "assets" / "skins"
WIDTH = 256

needs_skins = pytest.mark.skipif(not SKINS.is_dir(), reason="the photographic skins are not here")


@lru_cache(maxsize=1)
def model() -> HeadModel:
    return load_head_model()


@lru_cache(maxsize=2)
def source(photographic: bool) -> SkinSource:
    if photographic:
        return PhotographicSkin(SKINS, model(), WIDTH, WIDTH)
    return ProceduralSkin(model(), WIDTH, WIDTH)


@lru_cache(maxsize=32)
def person(seed: int, photographic: bool = False) -> HeadTextures:
    return source(photographic).draw(np.random.default_rng(seed))


def colour_at(
    image: NDArray[np.uint8], landmarks: list[int], shift: tuple[int, int] = (0, 0)
) -> NDArray[np.float64]:
    """The mean colour (3,) of 3 x 3 texels about some landmarks, moved by (x, y) texels."""
    texels = np.rint(skin_maps(model(), WIDTH).landmarks[landmarks] + shift).astype(int)
    soft = cv2.blur(image, (3, 3))
    return np.asarray(soft[texels[:, 1], texels[:, 0]].mean(axis=0), np.float64)


@needs_skins
def test_texture_coordinates_are_those_of_the_photographic_skins() -> None:
    """Every corner of the head lands where the reference table of the skins puts it, in the same island."""
    table = np.load(SKINS / "uv_head.npz")
    base = MakeHumanAssets().base.uv
    for ours, name in ((skin_uv(model()), "uv_skin"), (eye_uv(model()), "uv_eye")):
        used = ~np.isnan(ours[:, 0])
        known = np.flatnonzero(~np.isnan(table[name][:, 0]))
        distance, nearest = cKDTree(base[known]).query(model().uv[used])
        assert np.max(distance) < 1e-6
        np.testing.assert_allclose(ours[used], table[name][known][nearest], atol=1e-5)
    skin = skin_islands(model()) > 0
    _, nearest = cKDTree(base[table["island"] > 0]).query(model().uv[skin])
    np.testing.assert_array_equal(skin_islands(model())[skin], table["island"][table["island"] > 0][nearest])


def test_every_corner_of_the_skin_has_its_place_in_the_image() -> None:
    """No skin is left out of the crop, and all five islands are used."""
    on_skin = np.isin(model().triangles, model().parts["skin"]).all(axis=1)
    uv = skin_uv(model())[np.unique(model().triangles_uv[on_skin])]
    assert np.isfinite(uv).all()
    assert uv.min() >= 0.0
    assert uv.max() <= 1.0
    assert set(skin_islands(model())) == set(range(len(ISLANDS) + 1))


def test_a_landmarks_texel_lies_where_the_landmark_is_on_the_head() -> None:
    """The position stored at each landmark's texel is the landmark, within the size of a texel."""
    maps = skin_maps(model(), WIDTH)
    texels = np.rint(maps.landmarks).astype(int)
    expected = model().ibug68.evaluate(model().assets.mean.astype(np.float64)) * 1000.0
    error = np.linalg.norm(maps.position[texels[:, 1], texels[:, 0]] - expected, axis=1)
    assert np.median(error) < 1.5
    assert error.max() < 4.0


@pytest.mark.parametrize("photographic", [False, pytest.param(True, marks=needs_skins)])
def test_a_person_has_images_of_the_promised_shapes(photographic: bool) -> None:
    """Images are 8-bit RGB of the asked size; colours lie in [0, 1]."""
    drawn = person(0, photographic)
    assert drawn.skin_albedo.shape == (2 * WIDTH, WIDTH, 3)
    assert drawn.skin_normal is not None
    assert drawn.skin_normal.shape == (2 * WIDTH, WIDTH, 3)
    assert drawn.eye_albedo.shape == (WIDTH // 2, WIDTH, 3)
    assert all(i.dtype == np.uint8 for i in (drawn.skin_albedo, drawn.skin_normal, drawn.eye_albedo))
    for colour in (drawn.lash_colour, drawn.hair_colour):
        assert all(0.0 <= c <= 1.0 for c in colour)
    assert 0.0 < drawn.roughness < 1.0


def test_a_mouth_holds_white_teeth_in_red_gums() -> None:
    """Where a tooth's edge lies on the mean head the image is pale and hardly coloured; its root is red."""
    mouth, head = person(0).mouth, model()
    for part, upper in (("upper_teeth", True), ("lower_teeth", False)):
        uv = teeth_uv(head.assets.mean[head.parts[part]], upper)
        assert uv.min() >= 0.0
        assert uv.max() <= 1.0
    height, width = mouth.teeth.shape[:2]
    edge, root = (teeth_uv(np.array([[0.004, y, 0.018]]), upper=True)[0] for y in (-0.067, -0.053))
    tooth, gum = (mouth.teeth[int((1 - v) * height), int(u * width)].astype(int) for u, v in (edge, root))
    assert tooth.min() > 100
    assert np.ptp(tooth) < 70
    assert gum[0] > gum[1] + 30


@pytest.mark.parametrize("photographic", [False, pytest.param(True, marks=needs_skins)])
def test_the_same_seed_draws_the_same_person(photographic: bool) -> None:
    """A person depends on the generator alone, and another seed is another person."""
    again = source(photographic).draw(np.random.default_rng(0))
    np.testing.assert_array_equal(again.skin_albedo, person(0, photographic).skin_albedo)
    np.testing.assert_array_equal(again.eye_albedo, person(0, photographic).eye_albedo)
    assert again.hair_colour == person(0, photographic).hair_colour
    assert not np.array_equal(again.skin_albedo, person(1, photographic).skin_albedo)


@pytest.mark.parametrize("photographic", [False, pytest.param(True, marks=needs_skins)])
def test_lips_are_redder_than_cheeks(photographic: bool) -> None:
    """On CIELAB's green to red axis the lips lie above the skin beside the nose, for nearly everybody."""
    redder = 0
    for seed in range(12):
        image = cv2.cvtColor(person(seed, photographic).skin_albedo, cv2.COLOR_RGB2LAB)
        lips = colour_at(image, [51, 62]) + colour_at(image, [57, 66])
        redder += lips[1] / 2 > colour_at(image, [39, 42], (int(0.1 * WIDTH), 0))[1]
    assert redder >= 10


def test_brows_are_darker_than_the_forehead_for_most() -> None:
    """Brow hair lies at landmarks 18-20 and 23-25; only old people's is lighter than their skin."""
    darker = 0
    for seed in range(12):
        image = person(seed).skin_albedo
        brow = colour_at(image, [18, 19, 20, 23, 24, 25])
        darker += brow.sum() < 0.93 * colour_at(image, [19, 24], (-int(0.06 * WIDTH), 0)).sum()
    assert darker >= 9


def test_people_differ_as_people_do() -> None:
    """Among a dozen people are pale and dark ones, and no skin is blue or green."""
    cheeks = np.stack(
        [colour_at(person(seed).skin_albedo, [39, 42], (int(0.1 * WIDTH), 0)) for seed in range(12)]
    )
    assert np.ptp(cheeks.mean(axis=1)) > 60
    assert (cheeks[:, 0] > cheeks[:, 1]).all()
    assert (cheeks[:, 1] > cheeks[:, 2] - 8).all()


def test_more_pigment_is_darker_and_blood_is_red() -> None:
    """Melanin darkens all channels, most of all blue; haemoglobin takes green rather than red."""
    amounts = np.array([[0.0, 0.5, 1.5, DARKEST_MELANIN]], np.float32)
    pale = skin_colour(amounts, np.zeros_like(amounts), 0.0)[0]
    assert (np.diff(pale, axis=0) < 0).all()
    assert pale[2, 0] / pale[2, 2] > pale[0, 0] / pale[0, 2]
    flushed = skin_colour(amounts, np.full_like(amounts, 0.4), 0.0)[0]
    assert ((pale - flushed)[:3, 1] > (pale - flushed)[:3, 0]).all()


def test_srgb_round_trip() -> None:
    """Encoding undoes decoding, to a level in the darkest tones."""
    levels = np.arange(256, dtype=np.uint8)
    assert np.abs(to_srgb(to_linear(levels)).astype(int) - levels).max() <= 1


def test_the_iris_is_dark_and_sits_at_the_pole() -> None:
    """The pupil is the darkest place of each eye, and the sclera beside the iris is light."""
    maps = eye_maps(model(), WIDTH)
    eyes = draw_eyes(maps, 0.3, 0.2, np.random.default_rng(3)).astype(float).mean(axis=-1)
    for half in (slice(0, WIDTH // 2), slice(WIDTH // 2, None)):
        ahead = maps.direction[:, half, 2]
        assert eyes[:, half][ahead > 0.994].mean() < 60
        assert eyes[:, half][(ahead > 0.86) & (ahead < 0.90)].mean() > 130


def test_a_ridge_turns_the_normals_outwards() -> None:
    """OpenGL's convention: the slope towards +u points to +x, the upper slope (small rows) to +y."""
    rows, columns = np.indices((33, 33))
    bump = np.exp(-((rows - 16.0) ** 2 + (columns - 16.0) ** 2) / 18.0).astype(np.float32)
    normal = normals_from_height(bump, 1.0).astype(int)
    assert normal[16, 20, 0] > 135 > 120 > normal[16, 12, 0]
    assert normal[12, 16, 1] > 135 > 120 > normal[20, 16, 1]


def test_noise_is_repeatable_and_scaled() -> None:
    """The same generator state gives the same noise, of about unit variance at every size."""
    for cell in (1.0, 3.0, 12.0):
        first = noise((200, 150), cell, np.random.default_rng(5))
        np.testing.assert_array_equal(first, noise((200, 150), cell, np.random.default_rng(5)))
        assert 0.6 < first.std() < 1.4


def test_a_stroke_covers_where_it_is_drawn() -> None:
    """A horizontal stroke darkens its own row and leaves the others."""
    drawn = strokes(whole((9, 20)), np.array([[[3.0, 4.0], [16.0, 4.0]]]), np.ones(1), 4)
    assert drawn[4, 5:15].min() > 0.9
    assert drawn[[1, 7]].max() == 0.0


def test_a_folder_without_skins_is_an_input_error(tmp_path: Path) -> None:
    """The message names the folder."""
    with pytest.raises(InputError, match="no skins") as caught:
        PhotographicSkin(tmp_path, model(), WIDTH)
    assert str(tmp_path) in str(caught.value)


def test_a_folder_that_lacks_a_mask_is_an_input_error(tmp_path: Path) -> None:
    """The message names the file that is missing."""
    image = np.full((8, 4, 3), 128, np.uint8)
    for name in ("v01.jpg", "eye_brown.jpg", "mask_brows.png", "mask_lips.png"):
        cv2.imwrite(str(tmp_path / name), image)
    with pytest.raises(InputError) as caught:
        PhotographicSkin(tmp_path, model(), WIDTH)
    assert "mask_beard.png" in str(caught.value)


@pytest.mark.slow
def test_textures_of_full_size_can_be_drawn() -> None:
    """The larger size of the skins, for close-ups."""
    drawn = ProceduralSkin(model(), 1024, 1536).draw(np.random.default_rng(0))
    assert drawn.skin_albedo.shape == (2048, 1024, 3)
