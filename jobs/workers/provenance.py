"""What a result depends on: versions of programs, the fingerprint of settings and inputs."""

from __future__ import annotations

import platform
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path

from pipeline.stores.hdf5 import carried_fingerprint
from pipeline.stores.stamps import stamped_fingerprint

_LIBRARIES = ("vultus", "torch", "numpy", "distributed")


@lru_cache(maxsize=1)
def versions() -> dict[str, str]:
    """Of Python, vultus and the libraries that results depend on."""
    return {"python": platform.python_version(), **{name: version(name) for name in _LIBRARIES}}


def inputs_fingerprint(output: Path, stage: str, result: Path) -> str:
    """The fingerprint that a result carries, or that its stage left beside it; empty where there is none.

    Args:
        output: the folder of the shoot's results.
        stage: that made the result.
        result: a store, a folder of stores, or anything that a stage wrote.
    """
    stores = sorted(result.rglob("[!.]*.h5"))[:1] if result.is_dir() else [result]
    carried = [carried_fingerprint(store) for store in stores if store.suffix == ".h5"]
    return "".join(carried) or stamped_fingerprint(output, stage)
