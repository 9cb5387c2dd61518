"""The end of a log."""

from __future__ import annotations

from pathlib import Path

_BYTES_PER_LINE = 400


def tail(path: Path, lines: int) -> list[str]:
    """The last lines of a log; nothing where there is none. Only the end of the file is read."""
    try:
        with path.open("rb") as stream:
            size = stream.seek(0, 2)
            stream.seek(max(0, size - lines * _BYTES_PER_LINE))
            text = stream.read().decode("utf-8", errors="replace")
    except OSError:
        return []
    return text.splitlines()[-lines:]
