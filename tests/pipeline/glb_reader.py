"""A small reader of .glb files that shares no code with the writer: morphs and skins from the raw bytes."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]

_DTYPES = {5121: np.uint8, 5123: np.uint16, 5125: np.uint32, 5126: np.float32}
_WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT4": 16}


class Glb:
    def __init__(self, path: Path) -> None:
        data = path.read_bytes()
        magic, version, length = struct.unpack_from("<III", data)
        assert (magic, version, length) == (0x46546C67, 2, len(data))
        size, kind = struct.unpack_from("<II", data, 12)
        assert kind == 0x4E4F534A
        self.json: dict[str, Any] = json.loads(data[20 : 20 + size])
        self.blob = data[20 + size + 8 :]

    def accessor(self, index: int) -> Float:
        """Values (N, D) of an accessor, sparse or not."""
        entry = self.json["accessors"][index]
        width, count = _WIDTHS[entry["type"]], entry["count"]
        values = np.zeros((count, width))
        if "bufferView" in entry:
            values = self._raw(entry["bufferView"], entry["componentType"], count * width).reshape(
                count, width
            )
        sparse = entry.get("sparse")
        if sparse:
            number = sparse["count"]
            rows = self._raw(sparse["indices"]["bufferView"], sparse["indices"]["componentType"], number)
            changed = self._raw(sparse["values"]["bufferView"], entry["componentType"], number * width)
            values[rows.astype(int)] = changed.reshape(number, width)
        return values

    def _raw(self, view: int, component: int, count: int) -> Float:
        offset = self.json["bufferViews"][view].get("byteOffset", 0)
        return np.frombuffer(self.blob, _DTYPES[component], count, offset).astype(np.float64)

    def channels(self) -> tuple[Float, dict[tuple[int, str], Float]]:
        """The key times (F,) and, per (node, path), the keys (F, D)."""
        animation = self.json["animations"][0]
        inputs = {sampler["input"] for sampler in animation["samplers"]}
        assert len(inputs) == 1
        times = self.accessor(inputs.pop())[:, 0]
        keys = {}
        for channel in animation["channels"]:
            values = self.accessor(animation["samplers"][channel["sampler"]]["output"])
            target = channel["target"]
            keys[target["node"], target["path"]] = values.reshape(len(times), -1)
        return times, keys

    def evaluate(self, key: int | None) -> dict[str, Float]:
        """Per material, (position, model vertex, texture) rows (N, 6) at a key; None is at rest."""
        keys = {} if key is None else {where: values[key] for where, values in self.channels()[1].items()}
        nodes = self.json["nodes"]
        (holder,) = [i for i, node in enumerate(nodes) if "mesh" in node]
        skin = self.json["skins"][nodes[holder]["skin"]]
        inverse_bind = self.accessor(skin["inverseBindMatrices"]).reshape(-1, 4, 4).transpose(0, 2, 1)
        matrices = [
            self._world(joint, keys) @ bind for joint, bind in zip(skin["joints"], inverse_bind, strict=True)
        ]
        parts = {}
        for primitive in self.json["meshes"][nodes[holder]["mesh"]]["primitives"]:
            attributes = primitive["attributes"]
            position = self.accessor(attributes["POSITION"]).copy()
            for weight, target in zip(keys.get((holder, "weights"), []), primitive["targets"], strict=False):
                position += weight * self.accessor(target["POSITION"])
            joints = self.accessor(attributes["JOINTS_0"]).astype(int)
            blended = np.einsum(
                "vk,vkij->vij", self.accessor(attributes["WEIGHTS_0"]), np.array(matrices)[joints]
            )
            posed = np.einsum("vij,vj->vi", blended[:, :3, :3], position) + blended[:, :3, 3]
            rest = [self.accessor(attributes[name]) for name in ("_MODEL_VERTEX", "TEXCOORD_0")]
            parts[self.json["materials"][primitive["material"]]["name"]] = np.concatenate(
                [posed, *rest], axis=1
            )
        return parts

    def _world(self, node: int, keys: dict[tuple[int, str], Float]) -> Float:
        entry = self.json["nodes"][node]
        local = np.eye(4)
        local[:3, 3] = keys.get((node, "translation"), entry.get("translation", [0, 0, 0]))
        x, y, z, w = keys.get((node, "rotation"), entry.get("rotation", [0, 0, 0, 1]))
        local[:3, :3] = [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
        parents = [i for i, other in enumerate(self.json["nodes"]) if node in other.get("children", [])]
        return self._world(parents[0], keys) @ local if parents else local
