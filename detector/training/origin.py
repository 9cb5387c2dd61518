"""What the weights that a training starts from have learnt from: their terms are those of the result too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Origin:
    """Where weights come from.

    Attributes:
        words: for the model card.
        seen: labelled photographs of faces that they, or weights that they come from, learnt from, and
            weights of which that is not known: each is a reason not to release what comes of them.
    """

    words: str
    seen: tuple[str, ...] = ()


def origin_of(path: Path, facts: Mapping[str, Any]) -> Origin:
    """The origin that a file of weights gives, by the facts that are stored in it."""
    return Origin(f"the weights {path.stem}", _seen(path, facts))


def origin_facts(seen: Sequence[str], datasets: Sequence[str]) -> dict[str, object]:
    """What to store of weights whose start had seen the one, and that then learnt from the other."""
    everything = list(dict.fromkeys([*seen, *datasets]))
    return {"seen": everything, "for_release": not everything}


def _seen(path: Path, facts: Mapping[str, Any]) -> tuple[str, ...]:
    if "seen" in facts:
        return tuple(str(each) for each in facts["seen"])
    # files of before say what they were mixed with, but not where they started
    mixed = [str(dataset["path"]) for dataset in facts.get("datasets") or ()]
    if not mixed and facts.get("for_release") is not True:
        mixed = [f"what the weights {path.stem} learnt from, which they do not say"]
    return tuple(mixed)
