"""The query language: conditions on weights, angles, quality and origin: *jawOpen > 0.6 and not jump*.

A query is a Python expression of comparisons, ``and``, ``or``, ``not``, names and constants, and nothing
else: it is parsed, never run, and answered by numpy, column by column. On the right of ``in`` there may be
frames (``frame in 1001-1100``), a text in the grammar of frame ranges, or a list in parentheses.
"""

from __future__ import annotations

import ast
import difflib
import operator
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from calibration.errors import UsageError
from fitting.arkit import ARKIT_SHAPES
from pipeline.database.columns import ANGLE_COLUMNS, FLAGS, FLOATS, QUALITY
from pipeline.database.records import runs_of, within
from pipeline.database.view import View

Mask = NDArray[np.bool_]

TEXTS = ("subject", "take", "shoot", "model", "layout", "weights", "vultus", "added")
COUNTS = ("frame", "views")
NAMES: tuple[str, ...] = (*FLOATS, *COUNTS, *FLAGS, *TEXTS)
_LONGEST = 4000
_COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}


@dataclass(frozen=True)
class _Term:
    """One side of a comparison.

    Attributes:
        values: a number, a text, or an array of frames (N,) or of shards (S,).
        kind: "number", "text" or "flag".
        per_shard: whether `values` is by shard.
    """

    values: Any
    kind: str
    per_shard: bool = False


class Query:
    """A query that was parsed and understood.

    Attributes:
        text: as it was written.
        names: the columns that it speaks of, in order.
    """

    def __init__(self, text: str) -> None:
        """Parse and check a query.

        Raises:
            UsageError: it is no query, or it has a name that is not known; the nearest ones are suggested.
        """
        self.text = text
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                self._tree = ast.parse(text.strip()[:_LONGEST], mode="eval").body
            found = [node.id for node in ast.walk(self._tree) if isinstance(node, ast.Name)]
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            raise self._wrong("cannot be understood") from error
        if len(text) > _LONGEST:
            raise UsageError(f"the query is longer than {_LONGEST} characters")
        self.names = tuple(dict.fromkeys(found))
        for name in self.names:
            if name not in NAMES:
                raise _unknown(name)
        self.mask(View((), frozenset(), {}))  # what makes no sense shows without any frames

    def mask(self, view: View) -> Mask:
        """(N,) which frames it is true of; a value that is not known is neither above nor below anything.

        Raises:
            UsageError: it compares what cannot be compared.
        """
        try:
            return self._truth(self._tree, view)
        except RecursionError as error:
            raise self._wrong("is nested too deeply") from error

    def _truth(self, node: ast.expr, view: View) -> Mask:
        match node:
            case ast.BoolOp(op=ast.And(), values=parts):
                return reduce(np.logical_and, [self._truth(part, view) for part in parts])
            case ast.BoolOp(op=ast.Or(), values=parts):
                return reduce(np.logical_or, [self._truth(part, view) for part in parts])
            case ast.UnaryOp(op=ast.Not(), operand=part):
                return ~self._truth(part, view)
            case ast.Compare():
                return self._compared(node, view)
            case ast.Name(id=name) if name in FLAGS:
                return np.asarray(_column(name, view).values)
            case ast.Name(id=name):
                raise UsageError(
                    f"the query says {name}, but not what is to be true of it", fix=f"Write {name} > 0.5"
                )
        raise self._wrong("may hold comparisons, and, or, not, and nothing else")

    def _compared(self, node: ast.Compare, view: View) -> Mask:
        left, result = self._term(node.left, view), np.ones(len(view), dtype=bool)
        for sign, right_node in zip(node.ops, node.comparators, strict=True):
            if isinstance(sign, (ast.In, ast.NotIn)):
                inside = self._inside(left, right_node, view)
                result &= ~inside if isinstance(sign, ast.NotIn) else inside
                continue
            if type(sign) not in _COMPARISONS:
                raise self._wrong("may compare by > >= < <= == != and in")
            right = self._term(right_node, view)
            result &= self._whether(left, right, _COMPARISONS[type(sign)], view)
            left = right
        return result

    def _whether(self, left: _Term, right: _Term, sign: Callable[[Any, Any], Any], view: View) -> Mask:
        if left.kind != right.kind or "flag" in (left.kind, right.kind):
            raise self._wrong(f"compares a {left.kind} with a {right.kind}")
        return _per_frame(sign(left.values, right.values), left.per_shard or right.per_shard, view)

    def _inside(self, left: _Term, node: ast.expr, view: View) -> Mask:
        if left.kind == "text":
            texts = [each for each in _listed(node) if isinstance(each, str)]
            if len(texts) != len(_listed(node)):
                raise self._wrong("looks for a text among numbers")
            return _per_frame(np.isin(left.values, texts), left.per_shard, view)
        if left.kind == "flag":
            raise self._wrong("looks for a flag among numbers")
        runs = tuple(run for each in _elements(node) for run in self._runs(each))
        return np.broadcast_to(within(np.atleast_1d(left.values), runs), len(view))

    def _runs(self, node: ast.expr) -> tuple[tuple[int, int], ...]:
        """Frame numbers: 1001, 1001-1100, or a text such as "1001-1100x2"."""
        match node:
            case ast.Constant(value=int(number)) if not isinstance(number, bool):
                return ((number, number),)
            case ast.BinOp(
                left=ast.Constant(value=int(first)), op=ast.Sub(), right=ast.Constant(value=int(last))
            ):
                return ((first, last),)
            case ast.Constant(value=str(text)):
                from pipeline.frames.ranges import parse_frames

                return runs_of(parse_frames(text, where="query"))
        raise self._wrong('has no frames after "in": write 1001-1100 or (1001, 1005-1010)')

    def _term(self, node: ast.expr, view: View) -> _Term:
        match node:
            case ast.Name(id=name):
                return _column(name, view)
            case ast.Constant(value=str(text)):
                return _Term(text, "text")
            case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
                return _Term(number, "number")
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as number)):
                return _Term(-number, "number")
        raise self._wrong("may compare names, numbers and texts, and nothing else")

    def _wrong(self, what: str) -> UsageError:
        return UsageError(
            f"the query {self.text!r} {what}",
            fix='Write it like: jawOpen > 0.6 and eyeBlinkLeft > 0.5 and subject == "anna"',
        )


def _column(name: str, view: View) -> _Term:
    if name in TEXTS:
        return _Term(view.per_shard(name), "text", per_shard=True)
    if name in FLAGS:
        return _Term((view.integers("flags") & FLAGS[name]) != 0, "flag")
    return _Term(view.integers(name) if name in COUNTS else view.floats(name), "number")


def _per_frame(truth: Any, per_shard: bool, view: View) -> Mask:
    truth = np.asarray(truth)
    return np.broadcast_to(truth[view.shard] if per_shard else truth, len(view))


def _elements(node: ast.expr) -> list[ast.expr]:
    return list(node.elts) if isinstance(node, (ast.Tuple, ast.List, ast.Set)) else [node]


def _listed(node: ast.expr) -> list[object]:
    """The constants after "in"; None for what is none."""
    return [each.value if isinstance(each, ast.Constant) else None for each in _elements(node)]


def _unknown(name: str) -> UsageError:
    sides = [each for each in NAMES if each in (f"{name}Left", f"{name}Right")]
    lower = {each.lower(): each for each in NAMES}
    close = [lower[each] for each in difflib.get_close_matches(name.lower(), lower, n=3)]
    near = sides or close
    mean = f"did you mean {' or '.join(near)}? " if near else ""
    return UsageError(
        f"the query speaks of {name}, which the database does not know; {mean}"
        f"Shapes: {', '.join(ARKIT_SHAPES)}. Quality: {', '.join((*QUALITY, 'views', *FLAGS))}. "
        f"Angles in degrees: {', '.join(ANGLE_COLUMNS)}. Origin: frame, {', '.join(TEXTS)}",
        fix='Texts stand in quotes: subject == "anna"',
    )
