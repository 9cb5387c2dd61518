"""A program of its own that adds takes to an expression database, or looks at it, until it is killed.

Run as: python -m tests.pipeline.expression_writer FOLDER add NAME | look
"""

from __future__ import annotations

import sys
from itertools import count
from pathlib import Path

from pipeline.database.cache import look
from pipeline.database.folder import Database
from tests.pipeline.expression_shards import made_shard

FRAMES = 40


def main(folder: Path, work: str, name: str = "") -> None:
    """Say each thing that was done on a line of its own, once it is done."""
    database, _ = Database.open_or_make(folder)
    for number in count():
        if work == "add":
            take = f"{name}-{number}"
            database.add(made_shard("anna", take, range(FRAMES), take, jawOpen=0.5))
            sys.stdout.write(f"added {take}\n")
        else:
            sys.stdout.write(f"saw {len(look(database))}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
