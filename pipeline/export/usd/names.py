"""Names of users as names of prims."""

from __future__ import annotations

from collections.abc import Iterable

from pxr import Tf


def prim_names(names: Iterable[str]) -> list[str]:
    """Valid names in the same order, all different: ``brow.L`` is ``brow_L``; most stay as they are."""
    taken: set[str] = set()
    found = []
    for name in names:
        valid = each = Tf.MakeValidIdentifier(name)
        number = 1
        while each in taken:
            number += 1
            each = f"{valid}_{number}"
        taken.add(each)
        found.append(each)
    return found
