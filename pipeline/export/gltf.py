"""glTF: one .glb with the actor's neutral, the ARKit morph targets, the skeleton and the whole performance.

glTF evaluates `joint matrices @ (positions + sum of weights * targets)`, which is the head model's own
equation (W22 section 3.2), so nothing is approximated: the animated file gives the fitted vertices.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pygltflib as gl
from numpy.typing import NDArray

from calibration.whole_file import whole_file
from fitting.head_model import PARENTS
from fitting.vertex_normals import vertex_normals
from pipeline.export.gltf_buffers import BufferWriter
from pipeline.export.materials import MATERIALS
from pipeline.export.options import ExportOptions
from pipeline.export.quaternions import joint_quaternions
from pipeline.export.scene import ExportScene, build_scene

if TYPE_CHECKING:
    from fitting.head_model import HeadModel
    from fitting.performance import Performance

Float = NDArray[np.float64]
Int = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class _Shape:
    """The scene, and what of it this format holds in its own way.

    Attributes:
        scene: to write. triangles, triangles_uv: (T, 3). part: (T,) names.
        normals: (V, 3) at rest. targets: per expression, what it adds to positions and normals, (V, 3) each.
    """

    scene: ExportScene
    triangles: Int
    triangles_uv: Int
    part: NDArray[np.str_]
    normals: Float
    targets: list[tuple[Float, Float]]


def export_gltf(
    performance: Performance, model: HeadModel, folder: Path, *, options: ExportOptions | None = None
) -> list[Path]:
    """Write ``name.glb``, in metres, +Y up.

    Each part of the head is a primitive with a plain material; the vertices are split where the texture has
    a seam, and ``_MODEL_VERTEX`` says which vertex of the head model each of them is (-1: of a subdivision).
    Times are (frame number - start frame) / fps seconds, so that gaps in the numbers keep their length; the
    numbers themselves stand in the animation's ``extras``.

    Args:
        performance: to write.
        model: that it was fitted with.
        folder: for the file.
        options: name, start_frame, progress, motion, frame_offset, subdivision and parts.

    Returns:
        the one file.

    Raises:
        InputError: the folder cannot be written to.
    """
    options = replace(options or ExportOptions(), units="m", up="Y")
    document = gl.GLTF2(asset=gl.Asset(version="2.0", generator=f"vultus {version('vultus')}"))
    buffer = BufferWriter(document)
    shape = _shape(build_scene(performance, model, options))
    _add_skeleton(document, buffer, shape.scene)
    _add_mesh(document, buffer, shape)
    _add_animation(document, buffer, shape.scene)
    scene = gl.Scene(name=options.name, nodes=[0, len(PARENTS)])
    document.scenes, document.scene = [scene], 0
    buffer.finish()
    path = folder / f"{options.name}.glb"
    with whole_file(path) as partial:
        document.save_binary(partial)
    options.progress(1, 1, path.name)
    return [path]


def _shape(scene: ExportScene) -> _Shape:
    surface, vertices = scene.surface, scene.skin.vertices
    triangles = surface.triangles
    normals = vertex_normals(vertices, triangles)
    targets = [
        (delta, vertex_normals(vertices + delta, triangles) - normals) for delta in scene.skin.expressions
    ]
    return _Shape(scene, triangles, surface.triangles_uv, surface.part_of_triangle, normals, targets)


def _add_skeleton(document: gl.GLTF2, buffer: BufferWriter, scene: ExportScene) -> None:
    """One node per joint, at rest without rotation; the inverse bind matrix takes a joint to the origin."""
    inverse_bind = np.tile(np.eye(4, dtype=np.float32), (len(PARENTS), 1, 1))
    inverse_bind[:, 3, :3] = -scene.skin.joints  # column-major, so the translation is the last row here
    for joint in range(len(PARENTS)):
        children = [child for child, its_parent in enumerate(PARENTS) if its_parent == joint]
        document.nodes.append(
            gl.Node(
                name=scene.joint_names[joint],
                translation=scene.rest_offset(joint).tolist(),
                children=children,
            )
        )
    matrices = buffer.add(inverse_bind.reshape(-1, 16))
    document.skins = [gl.Skin(inverseBindMatrices=matrices, joints=list(range(len(PARENTS))), skeleton=0)]


def _add_mesh(document: gl.GLTF2, buffer: BufferWriter, shape: _Shape) -> None:
    scene = shape.scene
    names = list(scene.expression_names)
    primitives: list[gl.Primitive] = []
    for part in scene.surface.parts:
        document.materials.append(_material(part))
        primitives.append(_primitive(buffer, shape, part, len(primitives)))
    name = scene.options.name
    mesh = gl.Mesh(
        name=name, primitives=primitives, weights=[0.0] * len(names), extras={"targetNames": names}
    )
    document.meshes = [mesh]
    document.nodes.append(gl.Node(name=name, mesh=0, skin=0))


def _primitive(buffer: BufferWriter, shape: _Shape, part: str, material: int) -> gl.Primitive:
    scene, chosen = shape.scene, shape.part == part
    corners = np.stack([shape.triangles[chosen].ravel(), shape.triangles_uv[chosen].ravel()], axis=1)
    pairs, order = np.unique(corners, axis=0, return_inverse=True)
    vertex = pairs[:, 0]
    uv = scene.surface.uv[pairs[:, 1]] * [1.0, -1.0] + [0.0, 1.0]  # glTF's v runs down
    skin = scene.skin.weights[vertex]
    joints = np.where(skin > 0.0, np.arange(skin.shape[1]), 0)
    attributes = gl.Attributes(
        POSITION=buffer.add(_f32(scene.skin.vertices[vertex]), gl.ARRAY_BUFFER, bounds=True),
        NORMAL=buffer.add(_f32(shape.normals[vertex]), gl.ARRAY_BUFFER),
        TEXCOORD_0=buffer.add(_f32(uv), gl.ARRAY_BUFFER),
        JOINTS_0=buffer.add(joints.astype(np.uint8), gl.ARRAY_BUFFER),
        WEIGHTS_0=buffer.add(_f32(skin), gl.ARRAY_BUFFER),
    )
    attributes._MODEL_VERTEX = buffer.add(_f32(scene.surface.source[vertex]), gl.ARRAY_BUFFER)
    morphs = [
        gl.Attributes(
            POSITION=buffer.add_sparse(_f32(delta[vertex]), bounds=True),
            NORMAL=buffer.add_sparse(_f32(turn[vertex])),
        )
        for delta, turn in shape.targets
    ]
    faces = buffer.add(order.ravel().astype(np.uint32), gl.ELEMENT_ARRAY_BUFFER)
    return gl.Primitive(attributes=attributes, indices=faces, material=material, targets=morphs)


def _material(part: str) -> gl.Material:
    look = MATERIALS.get(part, MATERIALS["skin"])
    see_through = look.opacity < 1.0
    return gl.Material(
        name=part,
        pbrMetallicRoughness=gl.PbrMetallicRoughness(
            baseColorFactor=[*look.colour, look.opacity],
            metallicFactor=0.0,
            roughnessFactor=look.roughness,
        ),
        alphaMode=gl.BLEND if see_through else gl.OPAQUE,
        alphaCutoff=None,
        doubleSided=see_through,
    )


def _add_animation(document: gl.GLTF2, buffer: BufferWriter, scene: ExportScene) -> None:
    frames = [int(frame) for frame in scene.frames]
    start = frames[0] if scene.options.start_frame is None else scene.options.start_frame
    times = buffer.add(_f32((np.array(frames) - start) / scene.fps), bounds=True)
    animation = gl.Animation(
        name="performance", extras={"frames": frames, "fps": scene.fps, "startFrame": start}
    )

    def animate(node: int, path: str, values: NDArray[np.float32]) -> None:
        sampler = gl.AnimationSampler(input=times, output=buffer.add(values), interpolation=gl.ANIM_LINEAR)
        animation.samplers.append(sampler)
        target = gl.AnimationChannelTarget(node=node, path=path)
        animation.channels.append(gl.AnimationChannel(sampler=len(animation.samplers) - 1, target=target))

    animate(len(PARENTS), "weights", _f32(scene.weights).ravel())
    animate(0, "translation", _f32(scene.root))
    for joint, quaternions in enumerate(joint_quaternions(scene.rotations)):
        animate(joint, "rotation", _f32(quaternions))
    document.animations = [animation]


def _f32(values: NDArray[np.generic]) -> NDArray[np.float32]:
    return np.asarray(values).astype(np.float32)
