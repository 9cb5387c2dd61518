"""Fingerprints of settings and inputs, by which a stage knows whether its result is up to date."""

from __future__ import annotations

import hashlib
import json
from datetime import date
from pathlib import Path

import numpy as np


def fingerprint(**parts: object) -> str:
    """A short digest of named values: numbers, texts, sequences, mappings, arrays, paths, dates,
    None.
    """
    text = json.dumps(parts, sort_keys=True, default=_plain, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def file_digest(path: Path) -> str:
    """A digest of a file's content, for small files such as cameras and weights."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()[:32]


def _plain(value: object) -> object:
    if isinstance(value, np.ndarray):
        content = np.ascontiguousarray(value)
        return [str(content.dtype), list(content.shape), hashlib.sha256(content.tobytes()).hexdigest()]
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"a {type(value).__name__} has no fingerprint")
