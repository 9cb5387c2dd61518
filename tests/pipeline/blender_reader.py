"""Run by a Python that has bpy: reads an export with Blender and stores what it holds.

Usage: blender_reader.py FILE OUT.npz FRAMES WIDTHxHEIGHT, frames separated by commas. OUT gets the evaluated
vertices of every mesh by frame (Blender's world, Z up) and, by camera, the pixels of the first frame's ones.
"""

from __future__ import annotations

import sys
from typing import Any

import bpy  # type: ignore[import-not-found]
import numpy as np
from bpy_extras.object_utils import world_to_camera_view  # type: ignore[import-not-found]
from mathutils import Vector  # type: ignore[import-not-found]
from numpy.typing import NDArray

READERS = {
    ".usda": bpy.ops.wm.usd_import,
    ".usdc": bpy.ops.wm.usd_import,
    ".abc": bpy.ops.wm.alembic_import,
    ".glb": bpy.ops.import_scene.gltf,
    ".obj": bpy.ops.wm.obj_import,
}
EVERY = 500


def vertices(thing: Any) -> NDArray[np.float64]:
    evaluated = thing.evaluated_get(bpy.context.evaluated_depsgraph_get())
    mesh = evaluated.to_mesh()
    flat = np.empty(3 * len(mesh.vertices))
    mesh.vertices.foreach_get("co", flat)
    place = np.array(evaluated.matrix_world)
    return np.asarray(flat.reshape(-1, 3) @ place[:3, :3].T + place[:3, 3])


def pixels(camera: Any, points: NDArray[np.float64], size: tuple[int, int]) -> NDArray[np.float64]:
    seen = [world_to_camera_view(bpy.context.scene, camera, Vector(point)) for point in points.tolist()]
    u, v = np.array(seen)[:, :2].T
    return np.stack((u * size[0] - 0.5, (1 - v) * size[1] - 0.5), axis=1)


def main(file: str, out: str, frames: str, resolution: str) -> None:
    size = tuple(map(int, resolution.split("x")))
    bpy.ops.wm.read_factory_settings(use_empty=True)
    READERS[file[file.rindex(".") :]](filepath=file)
    scene = bpy.context.scene
    scene.render.resolution_x, scene.render.resolution_y = size
    found: dict[str, NDArray[Any]] = {"fps": np.array(scene.render.fps)}
    things = [thing for thing in bpy.data.objects if thing.type == "MESH"]
    for frame in map(int, frames.split(",")):
        scene.frame_set(frame)
        for thing in things:
            found[f"{thing.name} {frame}"] = vertices(thing)
    if things[0].data.shape_keys:
        found["shapes"] = np.array([key.name for key in things[0].data.shape_keys.key_blocks[1:]])
    scene.frame_set(int(frames.split(",")[0]))
    for thing in bpy.data.objects:
        if thing.type == "CAMERA":
            found[f"camera {thing.name}"] = pixels(thing, vertices(things[0])[::EVERY], (size[0], size[1]))
    np.savez(out, allow_pickle=False, **found)


if __name__ == "__main__":
    main(*sys.argv[1:])
