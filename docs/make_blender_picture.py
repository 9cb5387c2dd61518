"""Draws the picture of a take in Blender that the README shows.

Run it by a Python that has Blender's module bpy (pip install bpy==4.5.*, in an environment of its own), on a
take that was exported as USD with --subdivision 1:

    vultus export vultus-demo --format usd --subdivision 1
    BLENDER_PYTHON docs/make_blender_picture.py vultus-demo/results/export/usd/demo.usda camC docs/blender.jpg

Columns are frames. Rows: what the camera filmed, what Blender renders through the camera of the USD file, and
a free view. Where the footage is stands in the file too.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

import bpy  # type: ignore[import-not-found]
import numpy as np
from mathutils import Vector  # type: ignore[import-not-found]
from numpy.typing import NDArray

Pixels = NDArray[np.float32]

WIDTH, HEIGHT = 300, 360
FILM = 416, 520
"""Pixels of a whole view; tiles are its middle."""
FRAMES = 4
SAMPLES = 24
GAP = 4
LAMPS = (((-0.7, -1.0, 0.9), 14.0, 0.5), ((0.9, -0.6, 0.2), 4.0, 0.8), ((0.6, 0.9, 0.7), 12.0, 0.4))
"""Key, fill and rim: metres from the head in Blender's axes with the face along -Y, watts, size in metres."""


def open_take(file: Path) -> Any:
    """Import the take into an empty scene and return its scene."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.ops.wm.usd_import(filepath=str(file), attr_import_mode="ALL")
    scene = bpy.context.scene
    scene.render.engine = "CYCLES"
    scene.cycles.samples, scene.cycles.use_denoising = SAMPLES, True
    scene.render.resolution_x, scene.render.resolution_y = FILM
    scene.view_settings.view_transform = "AgX"
    scene.view_settings.look = "AgX - Medium High Contrast"
    scene.world = bpy.data.worlds.new("studio")
    scene.world.use_nodes = True
    colour, strength = (
        scene.world.node_tree.nodes["Background"].inputs[key] for key in ("Color", "Strength")
    )
    colour.default_value, strength.default_value = (0.045, 0.05, 0.06, 1.0), 1.0
    return scene


def head_place() -> Vector:
    """The middle of the head in the current frame."""
    mesh = next(thing for thing in bpy.data.objects if thing.type == "MESH")
    shown = mesh.evaluated_get(bpy.context.evaluated_depsgraph_get())
    corners = [shown.matrix_world @ Vector(corner) for corner in shown.bound_box]
    return sum(corners, Vector()) / len(corners)


def face_direction() -> Vector:
    """Horizontal, from the head towards the middle of the cameras."""
    cameras = [thing for thing in bpy.data.objects if thing.type == "CAMERA"]
    middle = sum((camera.matrix_world.translation for camera in cameras), Vector()) / len(cameras)
    ahead = middle - head_place()
    ahead.z = 0.0
    return ahead.normalized()


def look_at(thing: Any, place: Vector, target: Vector) -> None:
    """Put something at a place, with its -Z axis towards a target."""
    thing.location = place
    thing.rotation_euler = (target - place).to_track_quat("-Z", "Y").to_euler()


def add_studio(scene: Any) -> Any:
    """Lamps round the head, and a camera of our own; the camera is returned."""
    head, ahead = head_place(), face_direction()
    side = ahead.cross(Vector((0.0, 0.0, 1.0)))  # of the face's left, seen from the front: the picture's
    for (x, y, z), watts, size in LAMPS:
        lamp = bpy.data.lights.new("lamp", "AREA")
        lamp.energy, lamp.size = watts, size
        thing = bpy.data.objects.new("lamp", lamp)
        scene.collection.objects.link(thing)
        look_at(thing, head - side * x - ahead * y + Vector((0.0, 0.0, z)), head)
    free = bpy.data.objects.new("free view", bpy.data.cameras.new("free view"))
    scene.collection.objects.link(free)
    free.data.lens, free.data.sensor_width = 110.0, 36.0
    look_at(free, head + 1.25 * (ahead + 0.85 * side).normalized() + Vector((0.0, 0.0, 0.10)), head)
    return free


def read_image(path: Path) -> Pixels:
    """The middle (HEIGHT, WIDTH, 3) of a picture in [0, 1], its lowest row first, as Blender has it."""
    image = bpy.data.images.load(str(path))
    image.scale(*FILM)
    pixels = np.array(image.pixels[:], np.float32).reshape(FILM[1], FILM[0], -1)[..., :3]
    bpy.data.images.remove(image)
    left, low = (FILM[0] - WIDTH) // 2, (FILM[1] - HEIGHT) // 2
    return pixels[low : low + HEIGHT, left : left + WIDTH]


def render(scene: Any, camera: Any, folder: Path) -> Pixels:
    """What a camera sees in the current frame."""
    scene.camera = camera
    scene.render.filepath = str(folder / "view.png")
    bpy.ops.render.render(write_still=True)
    return read_image(folder / "view.png")


def filmed(camera: Any, frame: int) -> Pixels:
    """The image of the footage, found by what the file says of the camera."""
    footage = Path(camera.data.get("vultus:footage") or camera["vultus:footage"])
    return read_image(next(iter(sorted(footage.glob(f"*.{frame}.*")))))


def write(rows: list[list[Pixels]], out: Path) -> None:
    """Tile pictures, the first row on top, and write them as JPEG."""
    height, width = len(rows) * (HEIGHT + GAP) - GAP, len(rows[0]) * (WIDTH + GAP) - GAP
    sheet = np.ones((height, width, 4), np.float32)
    for i, row in enumerate(reversed(rows)):
        for k, picture in enumerate(row):
            top, left = i * (HEIGHT + GAP), k * (WIDTH + GAP)
            sheet[top : top + HEIGHT, left : left + WIDTH, :3] = picture
    image = bpy.data.images.new("sheet", width, height)
    image.pixels.foreach_set(sheet.ravel())
    image.file_format = "JPEG"
    image.save(filepath=str(out), quality=88)


def main(file: str, name: str, out: str) -> None:
    """Render some frames of a take and write the sheet."""
    scene = open_take(Path(file).resolve())
    frames = np.linspace(scene.frame_start, scene.frame_end, FRAMES).round().astype(int).tolist()
    scene.frame_set(frames[0])
    camera = next(thing for thing in bpy.data.objects if thing.type == "CAMERA" and name in thing.name)
    free = add_studio(scene)
    rows: list[list[Pixels]] = [[], [], []]
    with tempfile.TemporaryDirectory() as folder:
        for frame in frames:
            scene.frame_set(frame)
            rows[0].append(filmed(camera, frame))
            rows[1].append(render(scene, camera, Path(folder)))
            rows[2].append(render(scene, free, Path(folder)))
    write(rows, Path(out).resolve())


if __name__ == "__main__":
    main(*sys.argv[1:])
