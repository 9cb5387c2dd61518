"""The frames of many shards by columns: what the cache holds and what a query can ask for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fitting.arkit import ARKIT_SHAPES
from fitting.reliability import FrameFlag
from pipeline.database.records import Shard

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]

_ROTATIONS = ("head_world", "head", "left_eye", "right_eye")
_ANGLES = {"head": "head_world", "left_eye": "left_eye", "right_eye": "right_eye"}
ANGLE_COLUMNS = tuple(f"{part}_{angle}" for part in _ANGLES for angle in ("yaw", "pitch"))
MOTION_COLUMNS = tuple(f"{part}_{axis}" for part in (*_ROTATIONS, "head_origin") for axis in "xyz")
QUALITY = {
    "residual_px": "median residual of the landmarks, pixels",
    "residual_sigma": "the same in sigmas",
    "uncertainty_mm": "standard deviation of the surface, millimetres",
    "expression_sigma": "standard deviation of the weights",
}
FLOATS: tuple[str, ...] = (*ARKIT_SHAPES, *MOTION_COLUMNS, *QUALITY, *ANGLE_COLUMNS)
"""Angles are degrees: yaw positive to the actor's left, pitch positive downwards; the head's in the world,
the eyes' in the head. The rest is as in :data:`pipeline.database.records.ROW`."""
LEVELS = (0.1, 0.3, 0.6)
"""How far a shape is driven: a weight is off, or at one of three strengths."""
INTEGERS: dict[str, str] = {"frame": "<i8", "shard": "<i4", "views": "u1", "status": "i1", "flags": "u1"}
FLAGS = {str(flag.name).lower(): int(flag) for flag in FrameFlag}
_MILLIMETRES = 1e3


@dataclass(frozen=True, eq=False)
class Block:
    """N frames of some shards, in memory.

    Attributes:
        shards: names of the shards. headers: theirs, as text.
        floats: (len(FLOATS), N) columns.
        integers: columns (N,) by name; ``shard`` counts in `shards`.
    """

    shards: tuple[str, ...]
    headers: tuple[str, ...]
    floats: Floats
    integers: dict[str, NDArray[np.integer]]

    def __len__(self) -> int:
        return int(self.floats.shape[1])

    @classmethod
    def of(cls, shards: Sequence[tuple[str, Shard]]) -> Block:
        """The frames of shards, by name."""
        rows = np.concatenate([shard.rows for _, shard in shards])
        counts = [len(shard.rows) for _, shard in shards]
        integers = {name: np.ascontiguousarray(rows[name]) for name in INTEGERS if name != "shard"}
        integers["shard"] = np.repeat(np.arange(len(shards), dtype=np.int32), counts)
        names = tuple(name for name, _ in shards)
        return cls(names, tuple(shard.header.text() for _, shard in shards), _floats(rows), integers)

    @classmethod
    def join(cls, blocks: Sequence[Block]) -> Block:
        """Several in one."""
        first = np.cumsum([0, *(len(block.shards) for block in blocks)])
        integers = {
            name: np.concatenate([block.integers[name] for block in blocks])
            for name in INTEGERS
            if name != "shard"
        }
        integers["shard"] = np.concatenate(
            [block.integers["shard"] + int(start) for block, start in zip(blocks, first, strict=False)]
        ).astype(np.int32)
        return cls(
            tuple(name for block in blocks for name in block.shards),
            tuple(header for block in blocks for header in block.headers),
            np.concatenate([block.floats for block in blocks], axis=1),
            integers,
        )

    def only(self, shards: Mask) -> Block:
        """What is of some of the shards (S,)."""
        if shards.all():
            return self
        kept = shards[self.integers["shard"]]
        number = np.cumsum(shards, dtype=np.int32) - 1
        integers = {name: values[kept] for name, values in self.integers.items()}
        integers["shard"] = number[integers["shard"]].astype(np.int32)
        chosen = np.flatnonzero(shards)
        return Block(
            tuple(self.shards[index] for index in chosen),
            tuple(self.headers[index] for index in chosen),
            np.ascontiguousarray(self.floats[:, kept]),
            integers,
        )


def _floats(rows: NDArray[np.void]) -> Floats:
    """(len(FLOATS), N) of rows (N,)."""
    out = np.empty((len(FLOATS), len(rows)), dtype=np.float32)
    place = {name: index for index, name in enumerate(FLOATS)}
    out[: len(ARKIT_SHAPES)] = rows["expression"].T
    for part in (*_ROTATIONS, "head_origin"):
        start = place[f"{part}_x"]
        out[start : start + 3] = rows[part].T
    for name in QUALITY:
        scale = _MILLIMETRES if name.endswith("_mm") else 1.0
        out[place[name]] = rows[name.removesuffix("_mm")] * np.float32(scale)
    for part, rotation in _ANGLES.items():
        yaw, pitch = yaw_pitch(rows[rotation])
        out[place[f"{part}_yaw"]], out[place[f"{part}_pitch"]] = yaw, pitch
    return out


def yaw_pitch(rotation: Floats) -> tuple[Floats, Floats]:
    """Where rotation vectors (N, 3) in radians turn the face's +Z: yaw and pitch (N,), degrees."""
    angle = np.linalg.norm(rotation, axis=1)
    axis = rotation / np.maximum(angle, 1e-12)[:, None]
    x, y, z = axis.T
    cosine, sine = np.cos(angle), np.sin(angle)
    left = z * x * (1 - cosine) + y * sine
    up = z * y * (1 - cosine) - x * sine
    ahead = cosine + z * z * (1 - cosine)
    return np.degrees(np.arctan2(left, ahead)), -np.degrees(np.arcsin(np.clip(up, -1.0, 1.0)))
