"""Places to stand before: rooms, shelves, windows, streets, greenery, crowds, walls with writing.

They are painted flat, as a lens renders what is far behind: shapes that hide one another over a wide
range of sizes, which is what gives photographs their statistics (Lee, Mumford and Huang 2001).
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.synthetic.bystanders import paint_bystander
from detector.synthetic.noise import noise, palette

Array = NDArray[np.float64]
Image = NDArray[np.float32]

FONTS = (
    cv2.FONT_HERSHEY_SIMPLEX,
    cv2.FONT_HERSHEY_DUPLEX,
    cv2.FONT_HERSHEY_TRIPLEX,
    cv2.FONT_HERSHEY_SCRIPT_COMPLEX,
)
LETTERS = np.array(list("ABCDEFGHIKLMNOPRSTUVWXYabcdehiklmnorstuvwx0123456789"))


def clutter(size: int, rng: np.random.Generator) -> Image:
    """Things of all sizes that hide one another."""
    count = int(rng.integers(40, 260))
    colours = np.clip(palette(int(rng.integers(3, 9)), rng), 0.0, 1.0)
    smallest, largest = rng.uniform(0.012, 0.04) * size, rng.uniform(0.2, 0.6) * size
    reach = _power_law(count, smallest, largest, rng)
    image = np.tile(colours[0].astype(np.float32), (size, size, 1))
    grain = np.zeros((size, size), np.float32)
    straight = rng.random()
    for radius in reach:
        colour = np.clip(colours[rng.integers(len(colours))] * np.exp(rng.normal(0.0, 0.25)), 0.0, 1.0)
        centre = rng.uniform(-0.1, 1.1, 2) * size
        half = radius * np.exp(rng.normal(0.0, 0.5, 2))
        tilt = float(rng.normal(0.0, 5.0) if rng.random() < 0.6 else rng.uniform(0.0, 180.0))
        amount = float(rng.random() ** 2 * 0.4)
        if rng.random() < straight:
            _box(image, centre, half, tilt, colour)
            _box(grain, centre, half, tilt, np.full(1, amount))
        else:
            shape = (tuple(centre), tuple(2 * half), tilt)
            cv2.ellipse(image, shape, colour.tolist(), -1, cv2.LINE_AA)
            cv2.ellipse(grain, shape, amount, -1)
    return _shaded(image * np.exp(grain * noise(size, 8, rng, 0.9))[..., None], 0.2, rng)


def greenery(size: int, rng: np.random.Generator) -> Image:
    """Leaves, near or far, with light between them, sometimes a trunk or a lawn."""
    base = np.array([0.30, 0.36, 0.16]) * np.exp(rng.normal(0.0, 0.15, 3)) * rng.uniform(0.6, 1.2)
    if rng.random() < 0.15:
        base = np.array([0.45, 0.30, 0.15]) * rng.uniform(0.7, 1.2)
    light = noise(size, int(rng.integers(2, 5)), rng)
    image = np.asarray(0.45 * base * np.exp(0.3 * light)[..., None], np.float32)
    leaf = float(np.exp(rng.uniform(np.log(0.008), np.log(0.06)))) * size
    count = int(np.clip(1.6 * (size / leaf) ** 2 / 10, 60, 700))
    sky = np.array([0.85, 0.90, 0.95]) * rng.uniform(0.7, 1.1)
    holes = rng.uniform(1.2, 3.0)
    for _ in range(count):
        at = rng.uniform(0.0, size, 2)
        glow = float(light[int(at[1]), int(at[0])])
        bright = np.exp(0.45 * glow + rng.normal(0.0, 0.3))
        colour = sky if glow + rng.normal(0.0, 0.4) > holes else base * bright
        half = leaf * np.exp(rng.normal(0.0, 0.3)) * np.array([1.0, rng.uniform(0.3, 0.9)])
        shape = (tuple(at), tuple(2 * np.maximum(half, 0.5)), float(rng.uniform(0.0, 180.0)))
        cv2.ellipse(image, shape, np.clip(colour, 0.0, 1.0).tolist(), -1, cv2.LINE_AA)
    if rng.random() < 0.3:
        _trunk(image, rng)
    if rng.random() < 0.3:
        _horizon(image, base * np.array([1.3, 1.4, 1.0]), rng)
    return image


def room(size: int, rng: np.random.Generator) -> Image:
    """The corner of a room: two walls, a ceiling or a floor, with pictures, doors and furniture."""
    wall = np.clip(palette(1, rng)[0] * 0.35 + np.array([0.62, 0.58, 0.5]) * rng.uniform(0.5, 1.1), 0, 1)
    image = np.tile(wall.astype(np.float32), (size, size, 1))
    edge = rng.uniform(-0.3, 1.3) * size
    lean = rng.normal(0.0, 0.03) * size
    side = np.array([[edge, -1], [edge + lean, size], [2 * size, size], [2 * size, -1]])
    _polygon(image, side, wall * rng.uniform(0.65, 1.2))
    for top in (True, False):
        if rng.random() < 0.4:
            _slab(image, edge, top, wall, rng)
    for _ in range(rng.integers(1, 6)):
        kind = rng.random()
        centre, half = rng.uniform(0.0, 1.0, 2) * size, np.exp(rng.uniform(-3.0, -1.2, 2)) * size
        tilt = float(rng.normal(0.0, 2.5))
        if kind < 0.35:
            _picture(image, centre, half, tilt, rng)
        elif kind < 0.6:
            _window(image, centre, 1.6 * half, tilt, rng)
        else:
            _box(image, centre + np.array([0.0, 0.3 * size]), half * [1.0, 1.6], tilt, palette(1, rng)[0])
    if rng.random() < 0.3:
        _shelf(image, rng)
    return _shaded(image, 0.22, rng)


def shelves(size: int, rng: np.random.Generator) -> Image:
    """Shelves from edge to edge."""
    image = np.tile((palette(1, rng)[0] * 0.4).astype(np.float32), (size, size, 1))
    for _ in range(rng.integers(1, 3)):
        _shelf(image, rng)
    return _shaded(image, 0.2, rng)


def street(size: int, rng: np.random.Generator) -> Image:
    """Sky, houses with windows, and a road or a car park."""
    sky = np.array([0.62, 0.74, 0.88]) ** rng.uniform(0.3, 1.6) * rng.uniform(0.8, 1.1)
    fade = np.linspace(0.0, 1.0, size)[:, None, None] * rng.uniform(0.0, 0.4)
    image = np.asarray(np.clip(sky + fade * (1.0 - sky), 0, 1) * np.ones((size, size, 1)), np.float32)
    for _ in range(rng.integers(0, 5)):
        _house(image, rng)
    for _ in range(rng.integers(0, 3)):
        at, half = rng.uniform(0.0, 1.0, 2) * size, np.array([0.12, 0.05]) * rng.uniform(0.5, 2.0) * size
        _box(image, at * [1.0, 0.3] + [0.0, 0.65 * size], half, 0.0, palette(1, rng)[0])
    _horizon(image, np.full(3, rng.uniform(0.2, 0.6)) * np.exp(rng.normal(0.0, 0.08, 3)), rng)
    return _shaded(image, 0.12, rng)


def crowd(size: int, rng: np.random.Generator) -> Image:
    """Other people, some of them cut by the border, before another place."""
    image = (room, street, clutter, greenery)[rng.integers(4)](size, rng)
    blurred = np.asarray(cv2.GaussianBlur(image, (0, 0), 0.004 * size + 0.5), np.float32)
    for _ in range(rng.integers(1, 5)):
        paint_bystander(blurred, rng)
    return blurred


def writing(size: int, rng: np.random.Generator) -> Image:
    """Posters, screens and signs: letters on something else."""
    image = (room, clutter, street)[rng.integers(3)](size, rng)
    for _ in range(rng.integers(1, 4)):
        ink = palette(1, rng)[0] if rng.random() < 0.5 else np.full(3, rng.choice([0.05, 0.95]))
        mask = np.zeros((size, size), np.uint8)
        scale = float(np.exp(rng.uniform(np.log(0.25), np.log(2.2)))) * size / 176
        at = rng.uniform(-0.1, 0.8, 2) * size
        font = FONTS[rng.integers(len(FONTS))]
        for line in range(rng.integers(1, 4)):
            text = "".join(rng.choice(LETTERS, rng.integers(3, 12)))
            place = (int(at[0]), int(at[1] + 34 * scale * line))
            thick = int(max(1, rng.uniform(1.0, 3.0) * scale))
            cv2.putText(mask, text, place, font, scale, 255, thick, cv2.LINE_AA)
        cover = mask[..., None] / np.float32(255.0)
        image = np.asarray(image + cover * (np.clip(ink, 0.0, 1.0) - image), np.float32)
    tilt = cv2.getRotationMatrix2D((size / 2, size / 2), float(rng.normal(0.0, 5.0)), 1.1)
    return np.asarray(cv2.warpAffine(image, tilt, (size, size), borderMode=cv2.BORDER_REFLECT), np.float32)


def _power_law(count: int, low: float, high: float, rng: np.random.Generator) -> Array:
    """Radii (count,) with the density r^-3 of scale-free pictures, the large ones first by tendency."""
    radii = (rng.random(count) * (low**-2 - high**-2) + high**-2) ** -0.5
    return np.asarray(radii[np.argsort(-radii * np.exp(rng.normal(0.0, 0.6, count)))])


def _shaded(image: NDArray[np.floating], amount: float, rng: np.random.Generator) -> Image:
    """Uneven light: a slope and a little dirt."""
    size = image.shape[0]
    y, x = np.mgrid[0:size, 0:size] / size - 0.5
    angle = rng.uniform(0.0, 2 * np.pi)
    slope = rng.normal(0.0, 2.5 * amount) * (x * np.cos(angle) + y * np.sin(angle))
    light = np.exp(slope + amount * 0.5 * noise(size, 3, rng) + 0.03 * noise(size, 7, rng, 0.9))
    return np.asarray(image * light[..., None], np.float32)


def _box(image: Image, centre: Array, half: Array, tilt: float, colour: Array) -> None:
    corners = cv2.boxPoints(((float(centre[0]), float(centre[1])), (2.0 * half[0], 2.0 * half[1]), tilt))
    _polygon(image, corners, colour)


def _polygon(image: Image, corners: NDArray[np.floating], colour: Array) -> None:
    value = np.clip(colour, 0.0, 1.0).tolist()
    cv2.fillConvexPoly(image, np.rint(corners * 8).astype(np.int32), value, cv2.LINE_AA, 3)


def _picture(image: Image, centre: Array, half: Array, tilt: float, rng: np.random.Generator) -> None:
    _box(image, centre, half * 1.12, tilt, np.full(3, rng.choice([0.08, 0.35, 0.9])))
    _box(image, centre, half, tilt, np.full(3, rng.uniform(0.6, 1.0)))
    for colour in palette(int(rng.integers(1, 5)), rng):
        _box(image, centre + rng.normal(0.0, 0.25, 2) * half, half * rng.uniform(0.2, 0.6, 2), tilt, colour)


def _window(image: Image, centre: Array, half: Array, tilt: float, rng: np.random.Generator) -> None:
    frame = np.full(3, rng.uniform(0.3, 1.0))
    _box(image, centre, half * 1.08, tilt, frame)
    outside = np.array([0.85, 0.92, 1.0]) * rng.choice([0.12, 0.7, 1.1])
    _box(image, centre, half, tilt, outside)
    for _ in range(rng.integers(0, 6)):
        spot = centre + rng.uniform(-0.6, 0.6, 2) * half
        _box(image, spot, half * rng.uniform(0.1, 0.35, 2), tilt, outside * rng.uniform(0.4, 0.9, 3))
    for share in np.linspace(-1.0, 1.0, int(rng.integers(2, 5)))[1:-1]:
        _box(image, centre + half * np.array([share, 0.0]), np.array([0.04, 1.0]) * half, tilt, frame)
    if rng.random() < 0.5:
        _box(image, centre, np.array([1.0, 0.03]) * half, tilt, frame)


def _slab(image: Image, edge: float, top: bool, wall: Array, rng: np.random.Generator) -> None:
    size = image.shape[0]
    line = rng.uniform(0.02, 0.25) * size if top else rng.uniform(0.75, 0.98) * size
    far = -0.4 * size if top else 1.4 * size
    rise = rng.uniform(0.0, 0.3) * size * (1 if not top else -1)
    corners = np.array(
        [[-size, line + rise], [edge, line], [2 * size, line + rise], [2 * size, far], [-size, far]]
    )
    colour = np.full(3, rng.uniform(0.6, 1.0)) if top else wall * rng.uniform(0.3, 0.9, 3)
    cv2.fillPoly(
        image, [np.rint(corners * 8).astype(np.int32)], np.clip(colour, 0, 1).tolist(), cv2.LINE_AA, 3
    )


def _shelf(image: Image, rng: np.random.Generator) -> None:
    size = image.shape[0]
    left, right = np.sort(rng.uniform(-0.3, 1.3, 2)) * size
    colours = palette(6, rng)
    tall = rng.uniform(0.08, 0.25) * size
    board = np.full(3, rng.uniform(0.1, 0.8)) * np.exp(rng.normal(0.0, 0.1, 3))
    for bottom in np.arange(rng.uniform(0.0, tall), size + tall, tall * 1.1):
        x = left
        while x < right:
            wide = rng.uniform(0.06, 0.35) * tall
            height = tall * rng.uniform(0.5, 0.95)
            colour = colours[rng.integers(6)] * rng.uniform(0.5, 1.1)
            box = np.array([x + wide / 2, bottom - height / 2]), np.array([wide / 2, height / 2])
            _box(image, *box, float(rng.normal(0.0, 1.5)), colour)
            x += wide * (1.0 if rng.random() < 0.9 else 2.5)
        _box(
            image,
            np.array([(left + right) / 2, bottom]),
            np.array([(right - left) / 2, 0.05 * tall]),
            0.0,
            board,
        )


def _house(image: Image, rng: np.random.Generator) -> None:
    size = image.shape[0]
    colour = np.clip(palette(1, rng)[0] * 0.4 + np.array([0.4, 0.36, 0.32]) * rng.uniform(0.4, 1.3), 0, 1)
    centre = np.array([rng.uniform(0.0, 1.0), rng.uniform(0.4, 0.8)]) * size
    half = np.exp(rng.uniform(-1.8, -0.6, 2)) * size
    _box(image, centre, half, 0.0, colour)
    rows, columns = rng.integers(2, 7, 2)
    pane = colour * rng.choice([0.35, 0.5, 1.6])
    for v in (np.arange(rows) + 0.5) / rows * 2 - 1:
        for u in (np.arange(columns) + 0.5) / columns * 2 - 1:
            _box(
                image,
                centre + half * [u, v],
                half * [0.55 / columns, 0.6 / rows],
                0.0,
                pane * rng.uniform(0.8, 1.2),
            )


def _trunk(image: Image, rng: np.random.Generator) -> None:
    size = image.shape[0]
    at, wide = rng.uniform(0.0, 1.0) * size, rng.uniform(0.02, 0.1) * size
    lean = rng.normal(0.0, 0.1) * size
    bark = np.array([0.25, 0.19, 0.13]) * rng.uniform(0.4, 1.6)
    for side, shade in ((0.0, 1.0), (0.35, 0.6)):
        x = at + side * wide
        corners = np.array(
            [[x, 0], [x + wide * (1 - side), 0], [x + lean + wide * (1 - side), size], [x + lean, size]]
        )
        _polygon(image, corners, bark * shade)


def _horizon(image: Image, ground: Array, rng: np.random.Generator) -> None:
    size = image.shape[0]
    line, tilt = rng.uniform(0.6, 1.0) * size, rng.normal(0.0, 0.02) * size
    corners = np.array([[-1, line - tilt], [size, line + tilt], [size, size + 1], [-1, size + 1]])
    _polygon(image, corners, ground)
