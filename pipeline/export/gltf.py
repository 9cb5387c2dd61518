"""glTF: one .glb with the actor's neutral, the ARKit morph targets, the skeleton and the whole performance.

glTF evaluates `joint matrices @ (positions + sum of weights * targets)`, which is the head model's own
equation (W22 section 3.2), so nothing is approximated: the animated file gives the fitted vertices.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pygltflib as gl
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from calibration.whole_file import whole_file
from fitting.head_model import PARENTS
from fitting.model_arrays import as_array
from fitting.posed import joint_positions, neutral_vertices
from fitting.vertex_normals import vertex_normals
from pipeline.export.gltf_buffers import BufferWriter
from pipeline.export.options import ExportOptions

if TYPE_CHECKING:
    from fitting.head_model import HeadModel
    from fitting.performance import Performance

Float = NDArray[np.float64]
Int = NDArray[np.int64]

_MATERIALS: dict[str, tuple[float, float, float, float]] = {  # linear RGBA
    "skin": (0.53, 0.50, 0.48, 1.0),
    "left_eye": (0.85, 0.85, 0.83, 1.0),
    "right_eye": (0.85, 0.85, 0.83, 1.0),
    "upper_teeth": (0.83, 0.80, 0.70, 1.0),
    "lower_teeth": (0.83, 0.80, 0.70, 1.0),
    "tongue": (0.55, 0.26, 0.25, 1.0),
    "lashes": (0.05, 0.04, 0.04, 0.35),  # cards: see-through, since the file carries no texture
}


@dataclass(frozen=True, eq=False)
class _Shape:
    """The mesh at rest: neutral (V, 3) of the identity, normals (V, 3), joints (K, 3)."""

    model: HeadModel
    vertices: Float
    normals: Float
    joints: Float


def export_gltf(
    performance: Performance, model: HeadModel, folder: Path, *, options: ExportOptions | None = None
) -> list[Path]:
    """Write ``name.glb``, in metres, +Y up.

    Each part of the head is a primitive with a plain material; the vertices are split where the texture has
    a seam, and ``_MODEL_VERTEX`` says which vertex of the head model each of them is. Times are
    (frame number - start frame) / fps seconds, so that gaps in the numbers keep their length; the numbers
    themselves stand in the animation's ``extras``.

    Args:
        performance: to write.
        model: that it was fitted with.
        folder: for the file.
        options: name, start_frame and progress.

    Returns:
        the one file.

    Raises:
        InputError: the folder cannot be written to.
    """
    options = options or ExportOptions()
    document = gl.GLTF2(asset=gl.Asset(version="2.0", generator=f"vultus {version('vultus')}"))
    buffer = BufferWriter(document)
    shape = _shape(performance, model)
    _add_skeleton(document, buffer, shape)
    _add_mesh(document, buffer, shape, options)
    _add_animation(document, buffer, shape, performance, options)
    scene = gl.Scene(name=options.name, nodes=[0, len(PARENTS)])
    document.scenes, document.scene = [scene], 0
    buffer.finish()
    path = folder / f"{options.name}.glb"
    with whole_file(path) as partial:
        document.save_binary(partial)
    options.progress(1, 1, path.name)
    return [path]


def _shape(performance: Performance, model: HeadModel) -> _Shape:
    vertices = neutral_vertices(model, performance.identity, performance.personal_shape)
    normals = vertex_normals(vertices, np.asarray(model.triangles))
    return _Shape(model, vertices, normals, joint_positions(model, performance.identity))


def _add_skeleton(document: gl.GLTF2, buffer: BufferWriter, shape: _Shape) -> None:
    """One node per joint, at rest without rotation; the inverse bind matrix takes a joint to the origin."""
    inverse_bind = np.tile(np.eye(4, dtype=np.float32), (len(PARENTS), 1, 1))
    inverse_bind[:, 3, :3] = -shape.joints  # column-major, so the translation is the last row here
    for joint, parent in enumerate(PARENTS):
        children = [child for child, its_parent in enumerate(PARENTS) if its_parent == joint]
        document.nodes.append(
            gl.Node(
                name=shape.model.joint_names[joint],
                translation=_rest(shape.joints, joint, parent).tolist(),
                children=children,
            )
        )
    matrices = buffer.add(inverse_bind.reshape(-1, 16))
    document.skins = [gl.Skin(inverseBindMatrices=matrices, joints=list(range(len(PARENTS))), skeleton=0)]


def _rest(joints: Float, joint: int, parent: int) -> Float:
    """A joint's place in its parent's axes."""
    place: Float = joints[joint] if parent < 0 else joints[joint] - joints[parent]
    return place


def _add_mesh(document: gl.GLTF2, buffer: BufferWriter, shape: _Shape, options: ExportOptions) -> None:
    names = list(shape.model.expression_names)
    targets = _targets(shape)
    primitives: list[gl.Primitive] = []
    for part, indices in shape.model.parts.items():
        document.materials.append(_material(part))
        primitives.append(_primitive(buffer, shape, targets, indices, len(primitives)))
    mesh = gl.Mesh(
        name=options.name, primitives=primitives, weights=[0.0] * len(names), extras={"targetNames": names}
    )
    document.meshes = [mesh]
    document.nodes.append(gl.Node(name=options.name, mesh=0, skin=0))


def _targets(shape: _Shape) -> list[tuple[Float, Float]]:
    """Per expression, what it adds to the positions (V, 3) and to the normals (V, 3)."""
    triangles = np.asarray(shape.model.triangles)
    basis = as_array(shape.model.expression_basis)
    return [(delta, vertex_normals(shape.vertices + delta, triangles) - shape.normals) for delta in basis]


def _primitive(
    buffer: BufferWriter, shape: _Shape, targets: list[tuple[Float, Float]], indices: Int, material: int
) -> gl.Primitive:
    triangles, triangles_uv = np.asarray(shape.model.triangles), np.asarray(shape.model.triangles_uv)
    chosen = np.isin(triangles[:, 0], indices)
    corners = np.stack([triangles[chosen].ravel(), triangles_uv[chosen].ravel()], axis=1)
    pairs, order = np.unique(corners, axis=0, return_inverse=True)
    vertex = pairs[:, 0]
    uv = np.asarray(shape.model.uv, np.float64)[pairs[:, 1]] * [1.0, -1.0] + [0.0, 1.0]  # glTF's v runs down
    skin = shape.model.skin_weights.detach().cpu().numpy()[vertex]
    joints = np.where(skin > 0.0, np.arange(skin.shape[1]), 0)
    attributes = gl.Attributes(
        POSITION=buffer.add(_f32(shape.vertices[vertex]), gl.ARRAY_BUFFER, bounds=True),
        NORMAL=buffer.add(_f32(shape.normals[vertex]), gl.ARRAY_BUFFER),
        TEXCOORD_0=buffer.add(_f32(uv), gl.ARRAY_BUFFER),
        JOINTS_0=buffer.add(joints.astype(np.uint8), gl.ARRAY_BUFFER),
        WEIGHTS_0=buffer.add(_f32(skin), gl.ARRAY_BUFFER),
    )
    attributes._MODEL_VERTEX = buffer.add(_f32(vertex), gl.ARRAY_BUFFER)
    morphs = [
        gl.Attributes(
            POSITION=buffer.add_sparse(_f32(delta[vertex]), bounds=True),
            NORMAL=buffer.add_sparse(_f32(turn[vertex])),
        )
        for delta, turn in targets
    ]
    faces = buffer.add(order.ravel().astype(np.uint32), gl.ELEMENT_ARRAY_BUFFER)
    return gl.Primitive(attributes=attributes, indices=faces, material=material, targets=morphs)


def _material(part: str) -> gl.Material:
    colour = _MATERIALS.get(part, _MATERIALS["skin"])
    see_through = colour[3] < 1.0
    return gl.Material(
        name=part,
        pbrMetallicRoughness=gl.PbrMetallicRoughness(
            baseColorFactor=list(colour),
            metallicFactor=0.0,
            roughnessFactor=0.25 if part.endswith("_eye") else 0.6,
        ),
        alphaMode=gl.BLEND if see_through else gl.OPAQUE,
        alphaCutoff=None,
        doubleSided=see_through,
    )


def _add_animation(
    document: gl.GLTF2, buffer: BufferWriter, shape: _Shape, performance: Performance, options: ExportOptions
) -> None:
    frames = [int(frame) for frame in performance.frames]
    start = frames[0] if options.start_frame is None else options.start_frame
    times = buffer.add(_f32((np.array(frames) - start) / performance.fps), bounds=True)
    pose = np.asarray(performance.pose, np.float64)
    animation = gl.Animation(
        name="performance", extras={"frames": frames, "fps": float(performance.fps), "startFrame": start}
    )

    def animate(node: int, path: str, values: NDArray[np.float32]) -> None:
        sampler = gl.AnimationSampler(input=times, output=buffer.add(values), interpolation=gl.ANIM_LINEAR)
        animation.samplers.append(sampler)
        target = gl.AnimationChannelTarget(node=node, path=path)
        animation.channels.append(gl.AnimationChannel(sampler=len(animation.samplers) - 1, target=target))

    animate(len(PARENTS), "weights", _f32(performance.expression).ravel())
    animate(0, "translation", _f32(shape.joints[0] + pose[:, 3 * len(PARENTS) :]))
    for joint in range(len(PARENTS)):
        animate(joint, "rotation", _f32(_quaternions(pose[:, 3 * joint : 3 * joint + 3])))
    document.animations = [animation]


def _quaternions(rotation_vectors: Float) -> Float:
    """Unit quaternions (F, 4) x y z w, each on the side of the one before: no player turns the long way."""
    quaternions = Rotation.from_rotvec(rotation_vectors).as_quat()
    for previous, current in pairwise(quaternions):
        if previous @ current < 0.0:
            current *= -1.0
    return quaternions


def _f32(values: NDArray[np.generic]) -> NDArray[np.float32]:
    return np.asarray(values).astype(np.float32)
