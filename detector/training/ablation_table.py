"""The table of an ablation."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

TABLE = "ablation.md"
FIGURES = "ablation.json"

COLUMNS = (
    ("68, held out", "held_out_nme"),
    ("dense px, held out", "held_out_px"),
    ("spread", "spread"),
    ("68, photographs", "photographs_nme"),
    ("median", "photographs_median"),
    ("FR10", "photographs_fr10"),
    ("AUC10", "photographs_auc10"),
)
HEADER = """# Ablation

Trainings of {steps} steps each, of the same seed and samples, that differ from the first in one thing.
Errors are NME in percent of the distance of the outer corners of the eyes (which is short in profiles, of
which the held-out samples have many), or pixels of the network's input; FR10 and AUC10 in percent. A network
of 68 landmarks has no dense ones: its pixels are those of the 68.
The spread is of the normalised residuals of the held-out samples that did not calibrate sigma.
"""


@dataclass(frozen=True)
class Row:
    """One training of an ablation.

    Attributes:
        name, question, answer: what it is.
        steps, minutes: how long it trained.
        held_out_nme, held_out_px, spread: on held-out synthetic samples: error of the 68, of the dense
            landmarks in pixels, and of sigma; None where a network does not predict the landmarks.
        photographs_nme, photographs_median, photographs_fr10, photographs_auc10: of the 68 landmarks on
            labelled photographs; None without any.
        for_release: whether it learnt from nothing but synthetic samples.
    """

    name: str
    question: str
    answer: str
    steps: int
    minutes: float
    held_out_nme: float | None
    held_out_px: float | None
    spread: float | None
    photographs_nme: float | None
    photographs_median: float | None
    photographs_fr10: float | None
    photographs_auc10: float | None
    for_release: bool

    @classmethod
    def of(
        cls,
        name: str,
        question: str,
        answer: str,
        metrics: Mapping[str, Any],
        photographs: Mapping[str, Any] | None,
    ) -> Row:
        """From the metrics of a training, and the score on photographs."""
        held_out = metrics["held_out"]
        nme = photographs["nme"] if photographs is not None else {}
        return cls(
            name=name,
            question=question,
            answer=answer,
            steps=metrics["steps"],
            minutes=metrics["minutes"],
            held_out_nme=held_out["nme68"],
            held_out_px=held_out["dense_px"],
            spread=held_out["spread"],
            photographs_nme=nme.get("mean"),
            photographs_median=nme.get("median"),
            photographs_fr10=nme.get("fr10"),
            photographs_auc10=nme.get("auc10"),
            for_release=metrics["settings"]["for_release"],
        )

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Row:
        """From :meth:`facts`."""
        return cls(**values)

    def facts(self) -> dict[str, object]:
        """As JSON values."""
        return asdict(self)


def write_table(folder: Path, rows: Sequence[Row]) -> Path:
    """Write the rows as Markdown and as JSON; the first is the reference.

    Returns:
        The Markdown file.
    """
    figures = json.dumps([row.facts() for row in rows], indent=2)
    (folder / FIGURES).write_text(figures + "\n", encoding="utf-8")
    heads = ("what", "", "minutes", *(head for head, _ in COLUMNS))
    lines = [HEADER.format(steps=rows[0].steps), _line(heads), _line(["---"] * len(heads))]
    for row in rows:
        values = [_cell(getattr(row, key)) for _, key in COLUMNS]
        lines.append(_line([row.question, row.answer, f"{row.minutes:.1f}", *values]))
    path = folder / TABLE
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def _cell(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
