"""From a fitted performance to a shard: weights by ARKit's names, the head's motion, and their quality."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from calibration.errors import InputError, UsageError
from detector.weights import default_weights
from fitting.arkit import ARKIT_SHAPES, arkit_places
from fitting.head_model import HeadModel
from fitting.head_models.store import find_head_model
from fitting.head_motion import head_motion
from fitting.performance import Performance
from pipeline.database.gates import QualityGates
from pipeline.database.records import Provenance, Shard, ShardHeader, runs_of
from pipeline.database.shards import empty_rows
from pipeline.shoot.files import find_shoot
from pipeline.shoot.shoot import Shoot
from pipeline.stores.fingerprint import file_digest
from pipeline.stores.performance import ModelInfo, performance_version, read_performance

Array = NDArray[np.float64]

_ENOUGH = len(ARKIT_SHAPES) // 2
_PARTS = {"head_world": 0, "head": 3, "left_eye": 6, "right_eye": 9, "head_origin": 12}


@dataclass(frozen=True)
class Source:
    """A performance that is to be added, and what it is called.

    Attributes:
        file: the performance. subject, take, shoot: names. weights: of the network that found its landmarks.
    """

    file: Path
    subject: str
    take: str
    shoot: str = ""
    weights: str = ""


def find_source(path: Path, subject: str | None = None, take: str | None = None) -> Source:
    """What is to be added: the performance of a shoot, or a performance file.

    The names are those given, else those of the shoot file: its subject, and its name as the take.

    Raises:
        InputError: there is no such shoot or file.
        UsageError: nobody says who or what it is.
    """
    if path.suffix == ".h5":
        return Source(path, _said(subject, "subject", path), _said(take, "take", path))
    shoot = find_shoot(path)
    who = subject or shoot.settings.shoot.subject
    return Source(
        shoot.performance_file,
        _said(who, "subject", shoot.file),
        take or shoot.name,
        shoot.name,
        _weights(shoot),
    )


def take_in(source: Source, gates: QualityGates) -> tuple[Shard, int]:
    """The accepted frames of a performance, and how many frames it has in all.

    Raises:
        InputError: the performance is missing or damaged; its head model has no ARKit shapes, or is absent.
    """
    performance, info = read_performance(source.file)
    rows = rows_of(performance, info, source.file)
    accepted, refused = gates.judge(rows, performance.converged)
    header = ShardHeader(
        subject=source.subject,
        take=source.take,
        origin=Provenance(
            source=file_digest(source.file),
            path=str(source.file.resolve()),
            shoot=source.shoot,
            model=info.name,
            layout=info.layout,
            weights=source.weights,
            vultus=performance_version(source.file),
            fps=performance.fps,
        ),
        covers=runs_of(performance.frames),
        gates=gates.facts(),
        refused=refused,
        added="",
    )
    return Shard(header, rows[accepted]), len(rows)


def rows_of(performance: Performance, info: ModelInfo, where: Path) -> NDArray[np.void]:
    """All frames (F,) of a performance as :data:`pipeline.database.records.ROW`.

    Raises:
        InputError: the head model has no ARKit shapes or is not here.
    """
    rows = empty_rows(len(performance.frames))
    rows["frame"], rows["status"] = performance.frames, performance.status
    rows["expression"] = _arkit(performance.expression, info, where)
    motion = _motion(performance, info)
    for name, first in _PARTS.items():
        rows[name] = motion[:, first : first + 3]
    _put_quality(rows, performance)
    return rows[np.argsort(rows["frame"], kind="stable")]


def _arkit(expression: Array, info: ModelInfo, where: Path) -> Array:
    """(F, 52) weights; NaN for shapes that the head model lacks."""
    places = arkit_places(info.expression_names)
    if len(places) < _ENOUGH:
        raise InputError(
            f"The head model {info.name} has {len(places)} of the {len(ARKIT_SHAPES)} ARKit shapes, so that "
            "its weights mean something else than those of the database",
            where=str(where),
            fix="Fit the shoot with a head model that has them, such as makehuman or ICT-FaceKit",
        )
    known = [places.get(name) for name in ARKIT_SHAPES]
    lacking = np.full(len(expression), np.nan)
    return np.stack([lacking if at is None else expression[:, at].mean(axis=1) for at in known], axis=1)


def _motion(performance: Performance, info: ModelInfo) -> Array:
    """(F, 15) head motion, see :mod:`fitting.head_motion`."""
    identity, pose = torch.from_numpy(performance.identity), torch.from_numpy(performance.pose)
    joints = _head_model(info.name).joints(identity.float()).double()
    return np.asarray(head_motion(pose, joints).numpy())


@lru_cache(maxsize=2)
def _head_model(name: str) -> HeadModel:
    return find_head_model(name)


def _put_quality(rows: NDArray[np.void], performance: Performance) -> None:
    seen = np.isfinite(performance.residual_px)
    rows["views"] = np.minimum(seen.any(axis=-1).sum(axis=-1), np.iinfo(np.uint8).max)
    for k in np.flatnonzero(seen.any(axis=(1, 2))):
        rows["residual_px"][k] = np.median(performance.residual_px[k][seen[k]])
    if performance.reliability is not None:
        rows["residual_sigma"] = performance.reliability.by_frame.median_sigma
        rows["flags"] = performance.reliability.flags
    if performance.uncertainty is not None:
        rows["uncertainty"] = performance.uncertainty.surface
        rows["expression_sigma"] = np.sqrt(np.square(performance.uncertainty.expression).mean(axis=1))


def _weights(shoot: Shoot) -> str:
    """The network that a shoot's landmarks are found with; its name only, where it is a file."""
    own = shoot.settings.detect.weights
    return Path(own).stem if own else default_weights()


def _said(name: str | None, what: str, where: Path) -> str:
    if not name:
        fix = f"Give --{what}" + (' or write subject = "NAME" under [shoot]' if what == "subject" else "")
        raise UsageError(f"nobody says which {what} this is", where=str(where), fix=fix)
    return name
