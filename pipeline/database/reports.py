"""What is in the database, as lines of text and as JSON values."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from calibration.text_table import text_table
from fitting.arkit import ARKIT_SHAPES
from pipeline.database.columns import FLAGS, LEVELS
from pipeline.database.query import COUNTS, TEXTS, Query
from pipeline.database.records import runs_of
from pipeline.database.statistics import Statistics
from pipeline.database.view import View

Mask = NDArray[np.bool_]
Index = NDArray[np.int64]
Value = str | int | float | bool | None

_FEW_RUNS = 6
_FEW_SUBJECTS = 20
_ALWAYS = ("subject", "take", "frame")
_QUALITY = ("residual_px", "residual_sigma", "views")


def take_lines(view: View, where: Mask | None = None, most: int | None = None) -> list[str]:
    """A line for each take with chosen frames, and one that counts them."""
    heading = ("subject", "take", "frames", "numbers", "residual px", "model", "added")
    rows, residual = [heading], view.floats("residual_px")
    takes = list(view.takes(where))
    for header, _, own in islice(takes, most):
        usual = f"{np.nanmedian(residual[own]):.2f}" if np.isfinite(residual[own]).any() else "-"
        numbers, model = _numbers(view.frame[own]), header.origin.model
        rows.append((header.subject, header.take, str(len(own)), numbers, usual, model, header.added))
    lines = text_table(rows) if takes else []
    if most is not None and len(takes) > most:
        lines.append(f"... and {len(takes) - most} more takes")
    count, subjects = sum(len(own) for *_, own in takes), {header.subject for header, *_ in takes}
    return [*lines, f"{count} frames of {len(takes)} takes and {len(subjects)} subjects"]


def take_facts(view: View, where: Mask | None = None) -> list[dict[str, object]]:
    """The same as JSON values, with what the shards say of themselves."""
    return [
        {
            "subject": header.subject,
            "take": header.take,
            "frames": runs_of(view.frame[own]),
            "count": len(own),
            "added": header.added,
            "gates": header.gates,
            "refused": header.refused,
            "shard": name,
            **vars(header.origin),
        }
        for header, name, own in view.takes(where)
    ]


def damage_lines(view: View) -> list[str]:
    """The shards that cannot be read, and what is wrong with them."""
    return [
        f"damaged shard {name}: {what}. The other shards are whole. Add its performance again."
        for name, what in sorted(view.damaged.items())
    ]


def frame_columns(query: Query) -> tuple[str, ...]:
    """What is shown of a frame: what the query speaks of, and whose frame it is and how good."""
    return tuple(dict.fromkeys((*_ALWAYS, *query.names, *_QUALITY)))


def frame_rows(view: View, rows: Index, names: Sequence[str]) -> list[tuple[Value, ...]]:
    """Values (n, len(names)) of some frames."""
    return list(zip(*(_values(view, rows, name) for name in names), strict=True))


def statistics_lines(found: Statistics) -> list[str]:
    """Coverage, what is lacking, components, and frames by subject."""
    heading = ("shape", *(f"> {level:g}" for level in LEVELS), "max")
    rows = [heading] + [
        (name, *(f"{100 * share:.2f} %" for share in shares), "-" if np.isnan(most) else f"{most:.2f}")
        for name, shares, most in zip(ARKIT_SHAPES, found.shares, found.strongest, strict=True)
    ]
    lacking = ", ".join(found.lacking) or "none"
    people = sorted(found.subjects.items(), key=lambda each: -each[1])
    named = ", ".join(f"{name} {count}" for name, count in people[:_FEW_SUBJECTS])
    more = f", and {len(people) - _FEW_SUBJECTS} more" if len(people) > _FEW_SUBJECTS else ""
    pairs = ", ".join(f"{one} and {other} {value:+.2f}" for one, other, value in found.pairs())
    return [
        f"{found.frames} frames of {found.takes} takes and {len(found.subjects)} subjects",
        *text_table(rows),
        f"lacking (fewer than one frame in a thousand above 0.3)  {lacking}",
        f"components  {found.components(0.9)} explain 90 % of the variance, {found.components(0.99)} 99 %",
        f"go together  {pairs or '-'}",
        f"frames by subject  {named}{more}",
    ]


def _numbers(frames: Index) -> str:
    """Frame numbers as a person writes them; cut short where there are many gaps."""
    runs = runs_of(frames)
    texts = [f"{first}-{last}" if last > first else str(first) for first, last in runs[:_FEW_RUNS]]
    return ",".join(texts) + (",..." if len(runs) > _FEW_RUNS else "")


def _values(view: View, rows: Index, name: str) -> list[Value]:
    if name in TEXTS:
        return list(view.per_shard(name)[view.shard[rows]].tolist())
    if name in COUNTS:
        return list(view.integers(name)[rows].tolist())
    if name in FLAGS:
        return list(((view.integers("flags")[rows] & FLAGS[name]) != 0).tolist())
    values = view.floats(name)[rows]
    return [None if np.isnan(value) else round(float(value), 5) for value in values]
