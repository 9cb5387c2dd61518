"""Failures with the same cause, put together."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from jobs.tasks import Receipt, State
from jobs.watching.words import one_line

_PATH = re.compile(r"[^\s'\"]*/[^\s'\"]*[^\s'\".,:;)]")
_NUMBER = re.compile(r"\d+")


@dataclass(frozen=True)
class Cause:
    """Why some sequences failed.

    Attributes:
        stage: in which they did.
        code: of the error's kind.
        message: of the first of them.
        sequences: their names.
    """

    stage: str
    code: str
    message: str
    sequences: tuple[str, ...]


def causes(receipts: Iterable[Receipt]) -> list[Cause]:
    """Failures by cause, that of the most sequences first.

    Messages that differ only in numbers, paths and the name of the sequence are of one cause.
    """
    found: dict[tuple[str, str, str], dict[str, Receipt]] = {}
    for receipt in receipts:
        if receipt.state is State.FAILED:
            of_cause = found.setdefault((receipt.stage, receipt.code, _bare(receipt)), {})
            of_cause.setdefault(receipt.sequence, receipt)
    grouped = [
        Cause(stage, code, one_line(next(iter(each.values())).message), tuple(each))
        for (stage, code, _), each in found.items()
    ]
    return sorted(grouped, key=lambda cause: -len(cause.sequences))


def _bare(receipt: Receipt) -> str:
    name = re.compile(rf"(?<!\w){re.escape(receipt.sequence)}(?!\w)")
    return _NUMBER.sub("0", _PATH.sub("*", name.sub("*", one_line(receipt.message))))
