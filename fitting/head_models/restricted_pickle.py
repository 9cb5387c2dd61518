"""Pickles read without running anything that they name.

A pickle is a program: loading one calls whatever it names. FLAME comes as one, with arrays of numpy, sparse
matrices of scipy and wrappers of chumpy inside. Here only numpy's arrays are built; everything of scipy and
chumpy becomes an inert :class:`Record` of what was stored, and whatever else a file names is refused.
"""

from __future__ import annotations

import pickle
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import IO, Any, Literal

import numpy as np

from calibration.errors import InputError


class UnsafeFileError(InputError):
    """A file that wants to run code when it is read."""

    code = "unsafe-file"


class Record:
    """An object of a class that was not loaded: only what was stored of it."""

    kind = ""
    values: dict[str, Any]

    def __new__(cls, *stored: object) -> Record:
        """Take whatever its class would have taken, and do nothing with it."""
        record = super().__new__(cls)
        record.values = {}
        return record

    def __init__(self, *stored: object) -> None:
        """Nothing."""

    def __setstate__(self, state: object) -> None:
        """Keep the stored attributes; nothing is run."""
        parts = state if isinstance(state, tuple) else (state,)
        for part in parts:
            if isinstance(part, dict):
                self.values.update({_text(key): value for key, value in part.items()})


def read_pickle(path: Path) -> Any:
    """What a pickle holds: dicts, lists, texts, numbers, numpy arrays and :class:`Record` objects.

    Raises:
        UnsafeFileError: the file names something else, which it would run.
        InputError: the file cannot be read, or is no pickle.
    """
    try:
        with path.open("rb") as file:
            return unpickle(file, str(path))
    except OSError as error:
        raise InputError(f"the file cannot be read ({error.strerror})", where=str(path)) from error


def unpickle(file: IO[bytes], where: str) -> Any:
    """:func:`read_pickle` of an open file, named for messages."""
    try:
        return _Restricted(file, where).load()
    except InputError:
        raise
    except _DAMAGE as error:
        raise InputError(f"it is damaged, or no pickle ({error})", where=where) from error


_DAMAGE = (
    *(pickle.UnpicklingError, EOFError, ValueError, TypeError, KeyError, IndexError, AttributeError),
    *(MemoryError, OverflowError),
)
"""What a damaged pickle raises; it depends on where it is damaged."""


class _Restricted(pickle.Unpickler):
    """Knows a handful of names."""

    def __init__(self, file: IO[bytes], where: str) -> None:
        super().__init__(file, encoding="latin1")
        self._where = where

    def find_class(self, module_name: str, global_name: str, /) -> Any:
        """The harmless stand-in for a name."""
        if module_name.split(".")[0] in ("chumpy", "scipy"):
            return type("Record", (Record,), {"kind": f"{module_name}.{global_name}"})
        known = _KNOWN.get((module_name.replace("numpy._core", "numpy.core"), global_name))
        if known is None:
            raise UnsafeFileError(
                f"it wants to run {module_name}.{global_name}; it was refused, and nothing of it was run",
                where=self._where,
                fix="Get the file again from its makers",
            )
        return known

    def persistent_load(self, pid: Any, /) -> Any:
        """Refuse references to things outside the file."""
        raise UnsafeFileError("it refers to something outside itself", where=self._where)


def _empty_array(kind: object, shape: tuple[int, ...], code: object) -> np.ndarray[Any, Any]:
    """An array that the pickle fills next; it stores the shape and type then."""
    if kind is not np.ndarray:
        raise pickle.UnpicklingError("an array of an unknown kind")
    return np.ndarray.__new__(np.ndarray, (0,), np.int8)


def _filled_array(
    data: bytes, code: np.dtype[Any], shape: tuple[int, ...], order: Literal["C", "F"]
) -> np.ndarray[Any, Any]:
    """An array by its bytes, as newer pickles have it."""
    return np.frombuffer(data, code).reshape(shape, order=order)


def _number(code: np.dtype[Any], data: object) -> Any:
    """A single number of numpy's."""
    raw = data.encode("latin1") if isinstance(data, str) else data
    if not isinstance(raw, bytes):
        raise pickle.UnpicklingError("a number in an unknown form")
    return np.frombuffer(raw, code)[0]


def _rebuilt(kind: type[object], base: object, state: object) -> object:
    """An object by its class alone, as old pickles ask for it."""
    if not (isinstance(kind, type) and issubclass(kind, Record)):
        raise pickle.UnpicklingError("an object of an unknown kind")
    return kind()


def _as_bytes(text: object, encoding: str = "latin1") -> bytes:
    """Bytes, as Python 3 writes them for Python 2."""
    if not isinstance(text, str) or encoding != "latin1":
        raise pickle.UnpicklingError("bytes in an unknown form")
    return text.encode("latin1")


def _text(key: object) -> str:
    return key.decode("latin1") if isinstance(key, bytes) else str(key)


_KNOWN: Mapping[tuple[str, str], Callable[..., Any]] = MappingProxyType(
    {
        ("numpy.core.multiarray", "_reconstruct"): _empty_array,
        ("numpy.core.multiarray", "scalar"): _number,
        ("numpy.core.numeric", "_frombuffer"): _filled_array,
        ("numpy", "ndarray"): np.ndarray,
        ("numpy", "dtype"): np.dtype,
        ("copy_reg", "_reconstructor"): _rebuilt,
        ("copyreg", "_reconstructor"): _rebuilt,
        ("__builtin__", "object"): object,
        ("builtins", "object"): object,
        ("collections", "OrderedDict"): OrderedDict,
        ("_codecs", "encode"): _as_bytes,
    }
)
