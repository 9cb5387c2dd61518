"""Our shaders, uniforms and textures inside pyrender. Import it through :mod:`detector.synthetic.renderer`.

pyrender picks its OpenGL platform when it is imported, so the environment is set first.
"""

from __future__ import annotations

import os

os.environ.setdefault("PYOPENGL_PLATFORM", "egl")
os.environ.setdefault("PYGLET_HEADLESS", "1")

import ctypes
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pyrender
from numpy.typing import NDArray
from OpenGL import GL
from pyrender.renderer import Renderer
from pyrender.shader_program import ShaderProgramCache

from detector.synthetic.strand_order import MANY_STRANDS, SHADOW_STRANDS, casting_indices, near_first
from detector.synthetic.surfaces import KeyLight, Kind, Light, Material, Picture, Pixels, Surface

SHADERS = Path(__file__).parent / "shaders"
SHADOW_SIZE, SHADOW_SIZE_DRAFT = 1024, 512
POOLED_TEXTURES = 48
LAMPS = 2


class BoundedScene(pyrender.Scene):  # type: ignore[misc]  # pyrender has no types
    """A scene whose shadowed volume is given, and whose nodes come in the order of their names.

    pyrender would measure the volume over all meshes, which is slow, and uses `numpy.infty`, which NumPy 2
    lacks. It keeps its nodes in sets, whose order changes from picture to picture.
    """

    def __init__(self, centre: NDArray[np.float64], reach: float) -> None:
        super().__init__(bg_color=np.array([0.0, 0.0, 0.0, 1.0]), ambient_light=np.zeros(3))
        self._fixed_centre = centre
        self._fixed_reach = reach

    @property
    def centroid(self) -> NDArray[np.float64]:
        """(3,) the point that shadow maps look at."""
        return self._fixed_centre

    @property
    def scale(self) -> float:
        """Half size of the shadow maps in metres."""
        return self._fixed_reach

    @property
    def mesh_nodes(self) -> list[Any]:
        """What is drawn, in order."""
        return _by_name(super().mesh_nodes)

    @property
    def light_nodes(self) -> list[Any]:
        """The lamps, in order: their shapes are told to the shaders by number."""
        return _by_name(super().light_nodes)


def _by_name(nodes: set[Any]) -> list[Any]:
    return sorted(nodes, key=lambda node: str(node.name))


class ShadingRenderer(Renderer):  # type: ignore[misc]
    """pyrender's renderer with the uniforms of our shaders, and textures that stay on the device."""

    def __init__(self, multisample: bool = True, draft: bool = False) -> None:
        super().__init__(64, 64)
        self._multisample = multisample
        self._shadow_size = SHADOW_SIZE_DRAFT if draft else SHADOW_SIZE
        self._program_cache = ShaderProgramCache(str(SHADERS))
        self._resident: OrderedDict[Any, None] = OrderedDict()
        self.lights = tuple(pyrender.DirectionalLight(intensity=0.0) for _ in range(LAMPS))
        self.light: Light | None = None
        self._told: set[Any] = set()
        self.pixel_angle = 1e-3

    def _configure_main_framebuffer(self) -> None:
        known = self._main_fb_dims
        super()._configure_main_framebuffer()
        if self._multisample or self._main_fb_dims == known:
            return
        # A software rasteriser shades every sample of a pixel: one sample is four times quicker.
        for buffer, kind in (
            (self._main_cb_ms, GL.GL_RGBA),
            (self._main_db_ms, GL.GL_DEPTH_COMPONENT24),
        ):
            GL.glBindRenderbuffer(GL.GL_RENDERBUFFER, buffer)
            GL.glRenderbufferStorage(GL.GL_RENDERBUFFER, kind, *self._main_fb_dims)

    def _compute_max_n_lights(self, flags: int) -> list[int]:
        return [LAMPS, 0, 0]

    def _shadow_mapping_pass(self, scene: Any, light_node: Any, flags: int) -> None:
        if light_node.light.intensity > 0.0:
            super()._shadow_mapping_pass(scene, light_node, flags)

    def _configure_shadow_mapping_viewport(self, light: Any, flags: int) -> None:
        super()._configure_shadow_mapping_viewport(light, flags)
        GL.glViewport(0, 0, self._shadow_size, self._shadow_size)

    def _update_context(self, scene: Any, flags: int) -> None:
        for light in self.lights:
            if light.shadow_texture is None:
                light._generate_shadow_texture(self._shadow_size)
        wanted = {
            texture for mesh in scene.meshes for p in mesh.primitives for texture in p.material.textures
        }
        for texture in wanted:
            if texture not in self._resident:
                texture._add_to_context()
            self._resident[texture] = None
            self._resident.move_to_end(texture)
        # pyrender frees every texture that the scene does not use; tell it that nothing has changed.
        self._mesh_textures = wanted
        super()._update_context(scene, flags)
        while len(self._resident) > POOLED_TEXTURES:
            self._resident.popitem(last=False)[0].delete()

    def render(self, scene: Any, flags: int, seg_node_map: Any = None) -> Any:
        """Draw a scene; see pyrender."""
        self._told.clear()
        return super().render(scene, flags, seg_node_map)

    def _bind_lighting(self, scene: Any, program: Any, node: Any, flags: int) -> None:
        # Uniforms stay with a program and shadow maps with the first texture units: tell each program once.
        if program in self._told:
            self._texture_alloc_idx = LAMPS
            return
        self._told.add(program)
        super()._bind_lighting(scene, program, node, flags)
        if self.light is not None:
            self._set_light(program, self.light)

    def _set_light(self, program: Any, light: Light) -> None:
        program.set_uniform("pixel_angle", self.pixel_angle)
        program.set_uniform("exposure", float(light.exposure))
        program.set_uniform("filmic", float(light.filmic))
        for i, row in enumerate(light.environment):
            program.set_uniform(f"environment[{i}]", row)
        for i, key in enumerate(light.keys):
            # A lamp's mirror image in an eye is neither lost between pixels nor as wide as the iris.
            program.set_uniform(f"light_shape[{i}]", np.array([key.size, np.clip(key.size, 0.06, 0.2)]))

    def _bind_and_draw_primitive(self, primitive: Any, pose: Any, program: Any, flags: int) -> None:
        if flags & pyrender.RenderFlags.DEPTH_ONLY:
            _cast_shadow(primitive, program)
            return
        self._set_look(program, primitive.material.look)
        super()._bind_and_draw_primitive(primitive, pose, program, flags)

    def _set_look(self, program: Any, look: Material) -> None:
        program.set_uniform("kind", int(look.kind))
        if look.kind in (Kind.BACKDROP, Kind.FLAT):
            return
        program.set_uniform("specular", float(look.specular))
        program.set_uniform("bump", float(look.bump))
        program.set_uniform("scatter", float(look.scatter))
        program.set_uniform("cap_colour", np.asarray(look.cap_colour))


def _cast_shadow(primitive: Any, program: Any) -> None:
    """Draw a primitive into the shadow map; of strands, whose order is random, only the first few."""
    many = primitive.tangents is not None and primitive.indices.size > MANY_STRANDS
    program.set_uniform("spread", 1.0 / SHADOW_STRANDS if many else 1.0)
    count = casting_indices(primitive.indices.size) if many else primitive.indices.size
    primitive._bind()
    GL.glDisable(GL.GL_CULL_FACE)
    GL.glDisable(GL.GL_BLEND)
    GL.glPolygonMode(GL.GL_FRONT_AND_BACK, GL.GL_FILL)
    GL.glDrawElementsInstanced(primitive.mode, count, GL.GL_UNSIGNED_INT, ctypes.c_void_p(0), 1)
    primitive._unbind()


class TexturePool:
    """pyrender textures by image, so that one image is uploaded once while it is in use."""

    def __init__(self) -> None:
        self._known: OrderedDict[int, tuple[Pixels, Any]] = OrderedDict()

    def get(self, image: Pixels) -> Any:
        """The texture of an image (H, W, 3)."""
        held = self._known.get(id(image))
        if held is None:
            held = (image, pyrender.Texture(source=image, source_channels="RGB"))
            self._known[id(image)] = held
        self._known.move_to_end(id(image))
        while len(self._known) > POOLED_TEXTURES:
            self._known.popitem(last=False)
        return held[1]


def build_scene(
    picture: Picture, renderer: ShadingRenderer, pool: TexturePool, camera: Any, pose: NDArray[np.float64]
) -> BoundedScene:
    """A pyrender scene of a picture, seen by a pyrender camera at a pose (4, 4)."""
    scene = BoundedScene(np.asarray(picture.centre, np.float64), picture.reach)
    scene.add(camera, pose=pose)
    for i, lamp in enumerate(renderer.lights):
        key = picture.light.keys[i] if i < len(picture.light.keys) else None
        _place_lamp(scene, lamp, key, f"lamp {i}")
    ahead = -np.asarray(pose[:3, 2], np.float32)
    primitives = [_primitive(near_first(surface, ahead), pool) for surface in picture.surfaces]
    if picture.backdrop is not None:
        primitives.insert(0, _backdrop(picture.backdrop))
    for i, primitive in enumerate(primitives):
        scene.add(pyrender.Mesh([primitive], is_visible=True), name=f"surface {i:04d}")
    return scene


def _place_lamp(scene: BoundedScene, lamp: Any, key: KeyLight | None, name: str) -> None:
    pose = np.eye(4)
    if key is None:
        lamp.intensity = 0.0
    else:
        strength = max(float(np.max(key.power)), 1e-6)
        lamp.intensity = strength
        lamp.color = np.asarray(key.power) / strength
        pose[:3, :3] = _facing(key.direction)
    scene.add(lamp, pose=pose, name=name)


def _facing(direction: NDArray[np.float64]) -> NDArray[np.float64]:
    z = direction / np.linalg.norm(direction)
    up = np.array([0.0, 1.0, 0.0]) if abs(z[1]) < 0.95 else np.array([1.0, 0.0, 0.0])
    x = np.cross(up, z)
    x /= np.linalg.norm(x)
    return np.stack([x, np.cross(z, x), z], axis=1)


def _primitive(surface: Surface, pool: TexturePool) -> Any:
    count = len(surface.positions)
    uv = surface.uv if surface.uv is not None else np.zeros((count, 2), np.float32)
    tint = surface.tint if surface.tint is not None else np.ones((count, 4), np.float32)
    primitive = pyrender.Primitive(
        positions=surface.positions,
        normals=surface.normals,
        tangents=surface.strands,
        texcoord_0=uv,
        color_0=tint,
        indices=surface.triangles,
        material=_material(surface.material, pool),
    )
    # The tint's fourth value is occlusion; pyrender would take it for opacity and draw the skin last.
    primitive._is_transparent = False
    return primitive


def _material(look: Material, pool: TexturePool) -> Any:
    material = pyrender.MetallicRoughnessMaterial(
        baseColorFactor=(*look.colour, look.opacity),
        roughnessFactor=look.roughness,
        baseColorTexture=pool.get(look.texture) if look.texture is not None else None,
        normalTexture=pool.get(look.normal_map) if look.normal_map is not None else None,
        # pyrender has no slot for such an image; that of glowing surfaces is free.
        emissiveTexture=pool.get(look.lines) if look.lines is not None else None,
        alphaMode="BLEND" if look.kind == Kind.GLASS or look.fine else "OPAQUE",
        doubleSided=True,
    )
    material.look = look
    return material


def _backdrop(image: Pixels) -> Any:
    corners = np.array([[-1, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]], np.float32)
    material = pyrender.MetallicRoughnessMaterial(
        baseColorTexture=pyrender.Texture(source=image, source_channels="RGB"), doubleSided=True
    )
    material.look = Material(Kind.BACKDROP)
    return pyrender.Primitive(
        positions=corners,
        texcoord_0=(corners[:, :2] + 1.0) / 2.0,
        color_0=np.ones((4, 4), np.float32),
        indices=np.array([[0, 1, 2], [0, 2, 3]]),
        material=material,
    )
