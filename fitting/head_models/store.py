"""Imported head models, one file each in the user's cache folder; arrays and text alone, so safe to load."""

from __future__ import annotations

import hashlib
import json
import re
import zipfile
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch

from calibration.errors import InputError, UsageError
from calibration.whole_file import whole_file
from fitting.head_assets import HeadAssets, cache_folder
from fitting.head_model import HeadModel, load_head_model
from fitting.head_traits import MAKEHUMAN, ExpressionRange, HeadTraits
from fitting.surface import SurfacePoints

FORMAT_VERSION = 1


@dataclass(frozen=True)
class ImportedHead:
    """A head model of others as it is kept.

    Attributes:
        assets: its arrays. traits: the rest.
        source: what was imported, in words.
        registration: figures of the registration by name, mm; empty before it.
    """

    assets: HeadAssets
    traits: HeadTraits
    source: str
    registration: dict[str, float]

    def model(self) -> HeadModel:
        """The head model; float32 on the CPU."""
        return HeadModel(self.assets, self.traits)


def find_head_model(
    name: str = MAKEHUMAN, device: str | torch.device = "cpu", dtype: torch.dtype = torch.float32
) -> HeadModel:
    """A head model by its name, ours or an imported one.

    Raises:
        UsageError: there is none of that name; the message lists those there are.
        InputError: its file is damaged or of another version.
    """
    if name == MAKEHUMAN:
        return load_head_model(device, dtype)
    return read_head(name).model().to(device=device, dtype=dtype)


def head_model_names() -> tuple[str, ...]:
    """Our own, then the imported ones."""
    return (MAKEHUMAN, *sorted(path.stem for path in _folder().glob("*.npz") if path.stem[0] != "."))


def head_file(name: str) -> Path:
    """Where an imported model is kept."""
    return _folder() / f"{name}.npz"


def head_digest(name: str) -> str | None:
    """What tells an imported model from another of its name; None for our own.

    Raises:
        UsageError: there is no model of that name.
    """
    if name == MAKEHUMAN:
        return None
    return hashlib.sha256(_file_of(name).read_bytes()).hexdigest()


def check_name(name: str) -> None:
    """Refuse what cannot be the name of an imported model.

    Raises:
        UsageError: it is our own model's, or no plain word.
    """
    if name == MAKEHUMAN or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", name):
        raise UsageError(
            f"{name!r} cannot be the name of a head model", fix="Choose a plain word of your own"
        )


def write_head(head: ImportedHead) -> Path:
    """Keep an imported model, whole or not at all.

    Raises:
        UsageError: its name cannot be one.
        InputError: the cache folder cannot be written to.
    """
    traits = head.traits
    check_name(traits.name)
    about = {
        "version": FORMAT_VERSION,
        "name": traits.name,
        "source": head.source,
        "registration": head.registration,
        "part_names": traits.part_names,
        # JSON has no infinity
        "range": [
            str(value) for value in (traits.expression.low, traits.expression.high, traits.expression.unit)
        ],
    }
    arrays: dict[str, Any] = {field.name: getattr(head.assets, field.name) for field in fields(head.assets)}
    arrays |= {
        "about": np.array(json.dumps(about)),
        "landmark_vertices": traits.landmarks.vertices,
        "landmark_weights": traits.landmarks.weights,
        "outer_skin": np.arange(0) if traits.outer_skin is None else traits.outer_skin,
        "canonical": np.zeros((0, 3)) if traits.canonical is None else traits.canonical,
        "registered": traits.registered,
    }
    with whole_file(head_file(traits.name)) as partial, partial.open("wb") as file:
        np.savez(file, **arrays)
    return head_file(traits.name)


def read_head(name: str) -> ImportedHead:
    """An imported model by its name.

    Raises:
        UsageError: there is none of that name; the message lists those there are.
        InputError: its file is damaged or of another version.
    """
    path = _file_of(name)
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            return _unpacked({key: archive[key] for key in archive.files})
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        raise InputError(
            f"the head model {name} is damaged or of another version", where=str(path), fix="Import it again"
        ) from error


def _unpacked(arrays: dict[str, Any]) -> ImportedHead:
    about = json.loads(str(arrays["about"]))
    if about["version"] != FORMAT_VERSION:
        raise ValueError(f"version {about['version']}")
    canonical = arrays["canonical"]
    traits = HeadTraits(
        name=about["name"],
        part_names=tuple(about["part_names"]),
        expression=ExpressionRange(*(float(value) for value in about["range"])),
        landmarks=SurfacePoints(arrays["landmark_vertices"], arrays["landmark_weights"]),
        outer_skin=arrays["outer_skin"],
        canonical=canonical if len(canonical) else None,
        registered=arrays["registered"],
    )
    assets = HeadAssets(**{field.name: arrays[field.name] for field in fields(HeadAssets)})
    return ImportedHead(assets, traits, about["source"], about["registration"])


def _file_of(name: str) -> Path:
    if name not in head_model_names()[1:]:
        raise UsageError(
            f"there is no head model named {name!r}",
            fix=f"Known are {', '.join(head_model_names())}; bring in another with: vultus model import",
        )
    return head_file(name)


def _folder() -> Path:
    return cache_folder() / "models"
