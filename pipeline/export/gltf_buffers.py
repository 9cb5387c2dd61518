"""Arrays into the one binary buffer of a .glb, each with its view and accessor."""

from __future__ import annotations

import numpy as np
import pygltflib as gl
from numpy.typing import NDArray

_TYPES = {1: gl.SCALAR, 3: gl.VEC3, 2: gl.VEC2, 4: gl.VEC4, 16: gl.MAT4}
_COMPONENTS: dict[str, int] = {
    "float32": gl.FLOAT,
    "uint8": gl.UNSIGNED_BYTE,
    "uint16": gl.UNSIGNED_SHORT,
    "uint32": gl.UNSIGNED_INT,
}
_ALIGNMENT = 4


class BufferWriter:
    """Collects arrays; :meth:`finish` hands the buffer to a document."""

    def __init__(self, document: gl.GLTF2) -> None:
        self._document = document
        self._blob = bytearray()

    def add(self, values: NDArray[np.generic], target: int | None = None, bounds: bool = False) -> int:
        """Store values (N,) or (N, D) as they are and return the accessor's index.

        Args:
            values: float32, uint8, uint16 or uint32.
            target: what the view is for: ARRAY_BUFFER or ELEMENT_ARRAY_BUFFER, None for neither.
            bounds: whether to state the least and greatest value, as positions and times must.
        """
        accessor = _accessor(values)
        accessor.bufferView = self._view(values, target)
        if bounds:
            accessor.min, accessor.max = _bounds(values)
        return self._register(accessor)

    def add_sparse(self, values: NDArray[np.float32], bounds: bool = False) -> int:
        """Store only the rows of values (N, D) that are not zero, and return the accessor's index."""
        accessor = _accessor(values)
        rows = np.flatnonzero(np.any(values != 0.0, axis=1))
        if len(rows):
            index = rows.astype(np.uint16 if len(values) <= 65535 else np.uint32)
            accessor.sparse = gl.Sparse(
                count=len(rows),
                indices=gl.AccessorSparseIndices(
                    bufferView=self._view(index, None), componentType=_COMPONENTS[index.dtype.name]
                ),
                values=gl.AccessorSparseValues(bufferView=self._view(values[rows], None)),
            )
        if bounds:
            accessor.min, accessor.max = _bounds(values)
        return self._register(accessor)

    def finish(self) -> None:
        """Attach the buffer to the document."""
        self._document.buffers = [gl.Buffer(byteLength=len(self._blob))]
        self._document.set_binary_blob(bytes(self._blob))

    def _view(self, values: NDArray[np.generic], target: int | None) -> int:
        data = np.ascontiguousarray(values).tobytes()
        view = gl.BufferView(buffer=0, byteOffset=len(self._blob), byteLength=len(data), target=target)
        self._blob += data + bytes(-len(data) % _ALIGNMENT)
        self._document.bufferViews.append(view)
        return len(self._document.bufferViews) - 1

    def _register(self, accessor: gl.Accessor) -> int:
        self._document.accessors.append(accessor)
        return len(self._document.accessors) - 1


def _accessor(values: NDArray[np.generic]) -> gl.Accessor:
    width = 1 if values.ndim == 1 else values.shape[1]
    return gl.Accessor(
        componentType=_COMPONENTS[values.dtype.name], count=len(values), type=_TYPES[width], byteOffset=None
    )


def _bounds(values: NDArray[np.generic]) -> tuple[list[float], list[float]]:
    table = values.reshape(len(values), -1)
    return [float(v) for v in table.min(axis=0)], [float(v) for v in table.max(axis=0)]
